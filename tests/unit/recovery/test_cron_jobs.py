"""What of an archive belongs to pg_cron, and the rows of its jobs."""

from __future__ import annotations

import msgspec
import pytest

from pantry_tui.artifact.selection import Selection
from pantry_tui.artifact.toc import PG_CLASS, TocEntry
from pantry_tui.recovery.cron_jobs import copied, without_cron
from pantry_tui.repository.ids import new_backup_id
from tests.unit.repository.samples import NOON, manifest_of

MANIFEST = manifest_of(new_backup_id("nightly", NOON))
(CONTACTS,) = MANIFEST.tables
JOB = msgspec.structs.replace(CONTACTS, schema="cron", name="job", oid=17000, carried_by="archive", rows=2)
NOTES = msgspec.structs.replace(CONTACTS, name="notes", oid=16500)


def entry(number: int, kind: str, tag: str, *, schema: str = "", oid: int = 0, on: tuple[int, ...] = ()) -> TocEntry:
    return TocEntry(number, PG_CLASS, oid, kind, "pre-data", schema, tag, "", "", "", on)


TOC = (
    entry(1, "EXTENSION", "pg_cron"),
    entry(2, "COMMENT", "EXTENSION pg_cron", on=(1,)),
    entry(3, "TABLE", "contacts", schema="public", oid=16400),
    entry(4, "TABLE", "notes", schema="public", oid=16500, on=(1,)),  # a column of a type of it, say
    entry(5, "VIEW", "nightly", schema="public", on=(1, 3)),
    entry(6, "ACL", "VIEW nightly", schema="public", on=(5,)),
    entry(7, "TABLE DATA", "job", schema="cron", oid=17000),
    entry(8, "ACL", "SCHEMA cron"),
    entry(9, "INDEX", "by_email", schema="public", on=(3,)),
)


def test_what_stands_on_it_is_kept_out_too() -> None:
    manifest = msgspec.structs.replace(MANIFEST, tables=(CONTACTS, JOB, NOTES))
    selection, kept, jobs = without_cron(manifest, Selection(tables=(0, 1, 2), is_whole=True), TOC)
    assert [each.id for each in kept] == [3, 9]
    assert (selection.tables, selection.entries, selection.is_whole) == ((0,), (3, 9), True)
    assert jobs is not None
    assert ([each.id for each in jobs.entries], jobs.number) == ([1, 2, 4, 5, 6, 7, 8], 2)
    assert jobs.others == ["table public.notes", "view public.nightly", "acl public.VIEW nightly"]


def test_without_it_nothing_changes() -> None:
    selection, toc = Selection(tables=(0,), is_whole=True), TOC[2:3]
    assert without_cron(MANIFEST, selection, toc) == (selection, toc, None)


@pytest.mark.parametrize("rows", [b"", b"1\ta\n", b"1\t\\\\.\n2\t\\N\n"])
def test_the_lines_of_a_script(rows: bytes) -> None:
    script = b"SET x = 1;\n\nCOPY cron.job (jobid, command) FROM stdin;\n" + rows + b"\\.\n\n\n--\n"
    assert copied(script) == (b"COPY cron.job (jobid, command)", rows)
