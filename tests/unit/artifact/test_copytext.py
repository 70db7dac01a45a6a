"""The line above the rows: names are read back exactly, anything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.copytext import codec_of, names_agree, parse_header
from pantry_tui.errors import BackupDamagedError
from pantry_tui.postgres.copy import document_header

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@given(schema=names, table=names, columns=st.lists(names, max_size=5))
def test_reads_what_is_written(schema: str, table: str, columns: list[str]) -> None:
    text = document_header(schema, table, columns).as_bytes(None)
    header = parse_header(text + b"1\t2\n\\.\n")
    assert header.length == len(text)
    assert names_agree(header, schema, table, columns, "UTF8")


def test_plain_names_are_as_good_as_quoted_ones() -> None:
    header = parse_header(b'COPY public.t (a, "B b") FROM stdin;\n')
    assert (header.schema, header.table, header.columns) == (b"public", b"t", (b"a", b"B b"))


@pytest.mark.parametrize(
    "text",
    [b"", b"COPY", b"COPY t FROM stdin;\n", b'COPY "s"."t FROM stdin;\n', b"COPY s.t (a FROM stdin;\n",
     b"COPY s.t () FROM stdin;\n", b"COPY s.t (a,b) FROM stdin;\n", b"COPY s.t (a) FROM PROGRAM 'x';\n",
     b"COPY s.t (a) FROM stdin WITH (FORMAT csv);\n", b"COPY (SELECT 1) TO PROGRAM 'x';\n", b'COPY "".t FROM stdin;\n'],
)  # fmt: skip
def test_refuses_everything_else(text: bytes) -> None:
    with pytest.raises(BackupDamagedError):
        parse_header(text)


def test_names_in_the_encoding_of_the_document() -> None:
    header = parse_header('COPY "s"."Größe" FROM stdin;\n'.encode("latin-1"))
    assert names_agree(header, "s", "Größe", (), "LATIN1")
    assert not names_agree(header, "s", "Größe", (), "UTF8")
    assert not names_agree(header, "s", "表", (), "LATIN1")
    assert names_agree(header, "s", "表", (), "EUC_TW")  # no codec: only ASCII names can be compared
    assert not names_agree(header, "other", "表", (), "EUC_TW")


@pytest.mark.parametrize(
    "encoding", ["UTF8", "SQL_ASCII", "LATIN9", "LATIN10", "WIN1252", "KOI8R", "EUC_JP", "ISO_8859_5"]
)
def test_known_encodings(encoding: str) -> None:
    assert codec_of(encoding)


@pytest.mark.parametrize("encoding", ["EUC_TW", "MULE_INTERNAL"])
def test_encodings_without_a_codec(encoding: str) -> None:
    assert codec_of(encoding) is None
