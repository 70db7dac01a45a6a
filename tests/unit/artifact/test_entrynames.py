"""Names of files for tables with any names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.entrynames import LONGEST_BYTES, entry_names, is_entry_name
from pantry_tui.artifact.files import is_plain_name

identifiers = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=63)


def test_plain_names_stay() -> None:
    tables = [("public", "contacts"), ("app data", "Größe"), ("public", "Forecast 2026 (final) v2")]
    assert entry_names(tables) == ["public.contacts.csv", "app data.Größe.csv", "public.Forecast 2026 (final) v2.csv"]


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (("..", "..x"), "_....x.csv"),
        (("public", "../../etc/passwd"), "public..._.._etc_passwd.csv"),
        (("public", "a\nb\x1b[31m"), "public.a_b_[31m.csv"),
        (("public", "a\\b:c"), "public.a_b_c.csv"),
        (("con", "t"), "_con.t.csv"),
        (("COM1", "t"), "_COM1.t.csv"),
        (("-f", "t"), "_f.t.csv"),
        (("public", "a\u202egnp"), "public.a_gnp.csv"),
        (("public", "t."), "public.t_.csv"),
    ],
)
def test_harmful_names_become_harmless(table: tuple[str, str], name: str) -> None:
    assert entry_names([table]) == [name]


def test_what_would_be_one_file_gets_a_number() -> None:
    tables = [("s", "Foo"), ("s", "foo"), ("s", "FOO"), ("a.b", "c"), ("a", "b.c"), ("s", "a/b"), ("s", "a_b")]
    names = ["s.Foo.csv", "s.foo~2.csv", "s.FOO~3.csv", "a.b.c.csv", "a.b.c~2.csv", "s.a_b.csv", "s.a_b~2.csv"]
    assert entry_names(tables) == names


@given(st.lists(st.tuples(identifiers, identifiers), max_size=8))
def test_any_names(tables: list[tuple[str, str]]) -> None:
    names = entry_names(tables)
    assert len(names) == len(tables)
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in names}) == len(names)
    for name in names:
        assert is_plain_name(name)
        assert is_entry_name(name)
        assert len(name.encode()) <= LONGEST_BYTES
        assert name.isprintable()
        assert name.endswith(".csv")
        assert not set(name) & set('/\\:*?"<>|')


def test_long_names_are_cut_between_characters() -> None:
    first, second = entry_names([("表" * 63, "列" * 63)] * 2)
    assert len(first.encode()) <= LONGEST_BYTES
    assert first.startswith("表" * 63 + ".列列")
    assert second.endswith("~2.csv")


@pytest.mark.parametrize("name", ["../x.csv", "a/b.csv", "a\\b.csv", "nul.csv", "", ".", "..", "a\x00.csv", "a\n.csv"])
def test_other_names_are_known(name: str) -> None:
    assert not (name and is_entry_name(name))
