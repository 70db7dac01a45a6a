"""The ways to name a table of a backup."""

from __future__ import annotations

import pytest

from pantry_tui.artifact.manifest import TableEntry
from pantry_tui.artifact.naming import find_matching, find_tables
from pantry_tui.artifact.toc import PG_CLASS, TocEntry
from pantry_tui.errors import NotFoundError, UsageError

NAMES = [
    ("public", "plain"), ("Sch.ema", "ta.ble"), ("public", "new\nline"), ("public", r"new\nslash"), ("a b", 'q"uote'),
    ("x", "y.z"), ("x.y", "z"), ("public", "\x1b\u202e\U000e0001"), ("public", r"a\tb"), ("public", "a\tb"),
]  # fmt: skip


def table(schema: str, name: str) -> TableEntry:
    return TableEntry(
        schema=schema, name=name, oid=1, filenode=1, columns=(), shape="", persistence="p", rows=0, raw_bytes=0,
        fingerprint=None, ranges=(),
    )  # fmt: skip


def tables() -> list[TableEntry]:
    return [table(*pair) for pair in NAMES]


STATEMENT = "CREATE TABLE public.parted (i integer)\nPARTITION BY RANGE (i);\n"
PARTED = TocEntry(7, PG_CLASS, 9, "TABLE", "pre-data", "public", "parted", "", "", STATEMENT, ())


def find(*names: str) -> list[str]:
    return [found.plain for found in find_tables(tables(), [PARTED], names)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("public.plain", "public.plain"),
        ('"public"."plain"', "public.plain"),
        ('public."plain"', "public.plain"),
        ("Sch.ema.ta.ble", "Sch.ema.ta.ble"),
        ('"Sch.ema"."ta.ble"', "Sch.ema.ta.ble"),
        ("public.new\nline", "public.new\nline"),
        (r"public.new\nline", "public.new\nline"),
        (r'"public"."new\nline"', "public.new\nline"),
        (r"public.new\nslash", r"public.new\nslash"),
        ('a b.q"uote', 'a b.q"uote'),
        ('"a b"."q""uote"', 'a b.q"uote'),
        (r"public.\x1b\u202e\U000e0001", "public.\x1b\u202e\U000e0001"),
        (r"public.a\tb", r"public.a\tb"),
        ("public.a\tb", "public.a\tb"),
        ('"x"."y.z"', "x.y.z"),
        ("public.parted", "public.parted"),
    ],
)
def test_every_way_to_write_a_name(written: str, meant: str) -> None:
    assert find(written) == [meant]


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("plain", ["public.plain"]),
        ("PLA?N", ["public.plain"]),
        ("pl*", ["public.plain"]),
        ("p*.p*", ["public.plain", "public.parted"]),
        ('"public".pl*', ["public.plain"]),
        ("Sch.ema.*", ["Sch.ema.ta.ble"]),
        ('*."ta.ble"', ["Sch.ema.ta.ble"]),
        ("x.y.z*", ["x.y.z", "x.y.z"]),
        ("parted", ["public.parted"]),
    ],
)
def test_patterns_as_pg_dump_takes_them(pattern: str, meant: list[str]) -> None:
    assert [found.plain for found in find_matching(tables(), [PARTED], [pattern, pattern])] == meant


@pytest.mark.parametrize("pattern", ["pla", '"PLAIN"', "other.*", "pl.*n", '"plain', "public.plain|x"])
def test_patterns_that_nothing_matches(pattern: str) -> None:
    with pytest.raises(NotFoundError):
        find_matching(tables(), [PARTED], [pattern])


def test_a_name_that_two_tables_have() -> None:
    with pytest.raises(UsageError, match="may mean several") as failure:
        find("x.y.z")
    assert failure.value.remedy == 'write one of them in quotes: "x"."y.z", "x.y"."z"'


@pytest.mark.parametrize("name", ["plain", "Public.plain", "other.plain", '"public.plain"', r"public.\Uffffffff"])
def test_names_that_nothing_has(name: str) -> None:
    with pytest.raises(NotFoundError):
        find("public.plain", name)


@pytest.mark.parametrize(
    ("written", "hinted"), [("plain", "public.plain"), ("public.palin", "public.plain"), ("x.plain", "public.plain")]
)
def test_names_nearby_are_named(written: str, hinted: str) -> None:
    with pytest.raises(NotFoundError, match=f"; it has {hinted}$"):
        find(written)
