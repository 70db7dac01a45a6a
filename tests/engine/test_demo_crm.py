"""The sample CRM: believable, full of traps, and the same every time."""

from __future__ import annotations

import pytest

from pantry_tui.demo.crm import STEPS, create_crm
from pantry_tui.errors import RefusedError, TargetNotEmptyError, UsageError
from pantry_tui.events import Event, PhaseStarted, Progress, ignore
from pantry_tui.models import DatabaseTarget
from tests.servers import TestServer

TINY = 0.001
TABLES = {
    "Forecast 2026 (final) v2",
    "attachments",
    "contacts",
    "interactions",
    "opportunities",
    "opportunity_items",
    "organization_tags",
    "organizations",
    "price_history_2024",
    "price_history_2025",
    "price_history_2026",
    "price_history_other",
    "products",
    "tags",
    "users",
}


async def new_crm(server: TestServer, scale: float = TINY) -> DatabaseTarget:
    target = server.create_database(template="template0", encoding="UTF8")
    await create_crm(target, scale=scale, listener=ignore)
    return target


async def test_two_creations_are_equal(any_server: TestServer) -> None:
    first = any_server.fingerprint(await new_crm(any_server))
    second = any_server.fingerprint(await new_crm(any_server))
    assert first == second
    assert {name.removeprefix("public.") for name in first["tables"]} == TABLES
    assert all(rows > 0 for rows, _, _ in first["tables"].values())


async def test_content_is_the_same_on_every_server(server: TestServer, system_server: TestServer) -> None:
    embedded = server.fingerprint(await new_crm(server))
    system = system_server.fingerprint(await new_crm(system_server))
    for part in ("tables", "matviews", "sequences"):
        assert embedded[part] == system[part]


async def test_rows_follow_the_scale(server: TestServer) -> None:
    small, large = await new_crm(server, 0.01), await new_crm(server, 0.02)
    count = "SELECT count(*) FROM public.interactions WHERE opportunity_id IS NOT NULL OR subject <> ''"
    ((fewer,),), ((more,),) = server.execute(small, count), server.execute(large, count)
    assert (fewer, more) == (4211, 8411)


async def test_everything_that_makes_a_restore_hard_is_there(any_server: TestServer) -> None:
    target = await new_crm(any_server)
    (
        (
            secured,
            forced,
            policies,
            triggers,
            states,
            foreign,
            cascades,
            unvalidated,
            partitions,
            generated,
            identities,
        ),
    ) = any_server.execute(
        target,
        """
            SELECT (SELECT count(*) FROM pg_class WHERE relrowsecurity),
                   (SELECT count(*) FROM pg_class WHERE relforcerowsecurity),
                   (SELECT count(*) FROM pg_policy),
                   (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal),
                   (SELECT count(DISTINCT tgenabled) FROM pg_trigger WHERE NOT tgisinternal),
                   (SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0),
                   (SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND confdeltype = 'c'),
                   (SELECT count(*) FROM pg_constraint WHERE NOT convalidated),
                   (SELECT count(*) FROM pg_inherits JOIN pg_class ON inhrelid = oid AND relkind = 'r'),
                   (SELECT count(*) FROM pg_attribute WHERE attgenerated = 's'),
                   (SELECT count(*) FROM pg_attribute WHERE attidentity IN ('a', 'd'))
            """,
    )
    assert (secured, forced, policies) == (6, 2, 9)
    assert (triggers, states) == (7, 3)
    assert (foreign, cascades, unvalidated) == (20, 9, 1)
    assert (partitions, generated, identities) == (4, 2, 2)
    leftovers = any_server.execute(target, "SELECT nspname FROM pg_namespace WHERE nspname = 'pantry_seed'")
    assert leftovers == []


@pytest.mark.parametrize(
    "piece",
    ["\t", "\n\\.\n", "\r\n", "\\N", "\\x41", '"', "'", "\x01", "\x7f", "\u202e", "🌶️", "👨\u200d🍳", "e\u0301", "שלום"],
)
async def test_text_has_every_kind_of_character(server: TestServer, piece: str) -> None:
    with server.connect(await new_crm(server)) as connection:
        found = connection.execute(
            """
            SELECT sum(found) FROM (
                SELECT count(*) AS found FROM public.interactions WHERE strpos(body, %(piece)s) > 0
                UNION ALL SELECT count(*) FROM public.contacts WHERE strpos(remarks, %(piece)s) > 0
                UNION ALL SELECT count(*) FROM public.organizations WHERE strpos(name, %(piece)s) > 0) AS places
            """,
            {"piece": piece},
        ).fetchone()
    assert found is not None
    assert found[0] > 0


async def test_amounts_are_the_sums_of_their_lines(server: TestServer) -> None:
    wrong = server.execute(
        await new_crm(server),
        """
        SELECT number FROM public.opportunities o
        WHERE amount <> (SELECT coalesce(sum(line_total), 0) FROM public.opportunity_items WHERE opportunity_id = o.id)
        """,
    )
    assert wrong == []


async def test_sequences_stand_behind_their_columns(server: TestServer) -> None:
    target = await new_crm(server)
    ((number, quote),) = server.execute(
        target,
        """
        INSERT INTO public.opportunities (id, organization_id, name)
        SELECT gen_random_uuid(), id, 'next' FROM public.organizations LIMIT 1 RETURNING number, quote
        """,
    )
    ((largest, last_quote),) = server.execute(
        target, "SELECT max(number), max(quote) FROM public.opportunities WHERE name <> 'next'"
    )
    assert (number, quote) == (largest + 1, last_quote + 5)


async def test_progress_is_told(server: TestServer) -> None:
    events: list[Event] = []
    target = server.create_database()
    await create_crm(target, scale=TINY, listener=events.append)
    assert [event.title for event in events if isinstance(event, PhaseStarted)] == [step.title for step in STEPS]
    shares = [event.share for event in events if isinstance(event, Progress)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


async def test_an_occupied_database_is_left_alone(server: TestServer) -> None:
    target = server.create_database()
    server.execute(target, "CREATE TABLE public.precious (id integer)")
    with pytest.raises(TargetNotEmptyError, match=target.name):
        await create_crm(target, scale=TINY, listener=ignore)
    assert server.execute(target, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [
        ("precious",)
    ]


async def test_another_encoding_is_refused(server: TestServer) -> None:
    target = server.create_database(template="template0", encoding="LATIN1", locale="C")
    with pytest.raises(RefusedError, match="LATIN1"):
        await create_crm(target, scale=TINY, listener=ignore)


@pytest.mark.parametrize("scale", [0.0, -1.0, 1000.0, float("nan")])
async def test_a_scale_out_of_range_is_a_mistake(scale: float) -> None:
    with pytest.raises(UsageError, match="scale"):
        await create_crm(DatabaseTarget(name="nowhere"), scale=scale, listener=ignore)
