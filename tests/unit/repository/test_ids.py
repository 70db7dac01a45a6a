from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.errors import NotFoundError, UsageError
from pantry_tui.repository.ids import is_backup_id, match_reference, new_backup_id, require_name, slug
from tests.unit.repository.samples import local_repository

NIGHT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HOSTILE = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="./\\\0-~ \n\r\x1b*?[]$`'\";|&<>abcZ019é漢", max_size=200),
    st.sampled_from(["../x", "/etc/passwd", "..", ".", "", "-rf", "--", "a/../b", "CON", "a\0b", "ß" * 50, "🦀"]),
)


def test_an_id_says_when_and_what() -> None:
    made = new_backup_id("Daily", datetime(2026, 11, 23, 3, 0, tzinfo=timezone(timedelta(hours=1))))
    assert re.fullmatch(r"20261123T020000Z-daily-[0-9a-f]{4}", made)


def test_an_id_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        new_backup_id("daily", datetime(2026, 11, 23, 3, 0))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("daily", "daily"),
        ("Täglich, vor dem Update", "taglich-vor-dem-update"),
        ("", "backup"),
        ("../../etc/passwd", "etc-passwd"),
        ("漢字", "backup"),
        ("-f", "f"),
        ("x" * 60, "x" * 40),
        ("a" * 39 + " b", "a" * 39),
    ],
)
def test_slugs(name: str, expected: str) -> None:
    assert slug(name) == expected


@given(name=HOSTILE)
def test_every_name_makes_an_id_that_is_a_harmless_file_name(name: str) -> None:
    made = new_backup_id(name, NIGHT)
    assert is_backup_id(made)
    assert len(made) <= 62
    assert made.isascii()
    assert Path(made).name == made
    assert len(slug(name)) in range(1, 41)


@given(name=HOSTILE, seconds=st.lists(st.integers(0, 10**9), min_size=2, unique=True))
def test_ids_sort_as_their_times_do(name: str, seconds: list[int]) -> None:
    times = [NIGHT + timedelta(seconds=second) for second in seconds]
    by_id = sorted(times, key=lambda at: new_backup_id(name, at))
    assert by_id == sorted(times)


@given(reference=HOSTILE)
def test_no_reference_leads_anywhere_but_to_a_known_id(reference: str) -> None:
    known = new_backup_id("daily", NIGHT)
    if reference and known.startswith(reference):
        assert match_reference(reference, [known], where="main") == known
    else:
        with pytest.raises(NotFoundError, match="main has no backup"):
            match_reference(reference, [known], where="main")


@given(reference=HOSTILE)
def test_no_path_is_made_of_what_is_no_id(tmp_path_factory: pytest.TempPathFactory, reference: str) -> None:
    repository = local_repository(tmp_path_factory.getbasetemp() / "paths")
    with pytest.raises(NotFoundError):
        repository.path(reference)
    with pytest.raises(NotFoundError):
        repository.resolve(reference)


@pytest.mark.parametrize(
    "text",
    [
        "20261123T020000Z-daily-7f3a\n",
        "20261123T020000Z-daily-7f3a/..",
        "20261123T020000Z-Daily-7f3a",
        "20261123T020000Z-daily-7F3A",
        "20261123T020000Z--7f3a",
        "20261123T020000Z-" + "a" * 41 + "-7f3a",
        "２0261123T020000Z-daily-7f3a",
    ],
)
def test_what_is_no_id(text: str) -> None:
    assert not is_backup_id(text)


def test_a_prefix_that_fits_several_lists_them() -> None:
    ids = [f"20261123T02000{second}Z-daily-7f3a" for second in range(7)]
    with pytest.raises(NotFoundError, match="the beginning of 7 backups in main") as caught:
        match_reference("202611", ids, where="main")
    assert caught.value.remedy == f"give more of it: {', '.join(ids[:5])} and 2 more"
    assert match_reference("20261123T020003", ids, where="main") == ids[3]


@pytest.mark.parametrize("name", ["daily", "x" * 100, "vor dem Umzug: Büro №1", "台所", "\u202eevil"])
def test_names(name: str) -> None:
    require_name(name)


@pytest.mark.parametrize("name", ["", " \t", "x" * 101, "a\nb", "a\x00", "\x1b[2J", "\x9b2J", "\u2028", "\ud800"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UsageError, match="the name of a backup"):
        require_name(name)
