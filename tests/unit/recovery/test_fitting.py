"""Which types take the values of others without changing their text."""

from __future__ import annotations

import pytest

from pantry_tui.recovery.fitting import holds

WIDER = [
    ("text", "character varying(20)"),
    ("text", "character varying"),
    ("character varying", "text"),
    ("character varying", "character varying(20)"),
    ("character varying(21)", "character varying(20)"),
    ("integer", "smallint"),
    ("bigint", "smallint"),
    ("bigint", "integer"),
    ("numeric", "bigint"),
    ("numeric", "numeric(10,2)"),
    ("numeric(12,2)", "numeric(10,2)"),
    ("timestamp without time zone", "timestamp(3) without time zone"),
    ("timestamp(6) with time zone", "timestamp(3) with time zone"),
    ("interval", "interval(2)"),
    ("bit varying(9)", "bit varying(8)"),
    ("text[]", "character varying(20)[]"),
    ("bigint[]", "integer[]"),
]
OTHER = [
    ("character(3)", "text"),
    ("character varying(3)", "text"),
    ("text", "character(3)"),  # whose blanks would count
    ("character(5)", "character(3)"),
    ("bpchar", "character(3)"),
    ("numeric(12,3)", "numeric(10,2)"),  # 1.10 would be 1.100
    ("numeric(10,2)", "integer"),
    ("numeric(10,-2)", "numeric(10,0)"),
    ("double precision", "real"),
    ("integer", "numeric(5,0)"),
    ("bit(9)", "bit(8)"),
    ("timestamp with time zone", "timestamp without time zone"),
    ("timestamp without time zone", "date"),
    ("interval day to second", "interval"),
    ("jsonb", "json"),
    ("text", "uuid"),
    ("text", "integer"),
    ("text[]", "text"),
    ("public.text", "text"),
    ("public.a", "public.b"),
    ('"text"', "character varying"),
]


@pytest.mark.parametrize(("target", "source"), WIDER)
def test_wider_types_hold_the_same_text(target: str, source: str) -> None:
    assert holds(target, source)
    assert holds(source, source)
    if {target, source} != {"text", "character varying"}:
        assert not holds(source, target)


@pytest.mark.parametrize(("target", "source"), OTHER)
def test_other_types_do_not(target: str, source: str) -> None:
    assert not holds(target, source)
    assert holds(target, target)
