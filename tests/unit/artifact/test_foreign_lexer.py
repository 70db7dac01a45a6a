"""A script is cut into the statements that psql would send, wherever it is cut into pieces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.foreign import lexer as lexer_module
from pantry_tui.artifact.foreign.inspection import FILE_FUNCTIONS
from pantry_tui.artifact.foreign.lexer import Lexer
from pantry_tui.artifact.foreign.statement import EndLine, Statement
from pantry_tui.errors import BackupDamagedError, PantryError, RefusedError


def pieces_of(script: bytes, size: int) -> Iterator[bytes]:
    return (script[start : start + size] for start in range(0, len(script), size))


def lexer_of(script: bytes, size: int = 1 << 20) -> Lexer:
    return Lexer(pieces_of(script, size), lambda line: f"dump.sql, line {line}", FILE_FUNCTIONS)


def read_all(lexer: Lexer) -> list[Statement | bytes]:
    """The statements of a script, and rows behind those that take some."""
    found: list[Statement | bytes] = []
    for statement in lexer.statements():
        found.append(statement)
        if statement.copies_in:
            found.append(b"".join(lexer.rows()))
    return found


def read(script: bytes, size: int = 1 << 20) -> list[Statement | bytes]:
    return read_all(lexer_of(script, size))


def texts(script: bytes, size: int = 1 << 20) -> list[bytes]:
    return [each.text if isinstance(each, Statement) else each for each in read(script, size)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (b"SELECT 1; SELECT 2 ;", [b"SELECT 1", b"SELECT 2 "]),
        (b";; SELECT 1;;", [b"SELECT 1"]),
        (b"SELECT 'a;b', 'it''s;';", [b"SELECT 'a;b', 'it''s;'"]),
        (rb"SELECT E'it\'s;', e'\\'; SELECT 2;", [rb"SELECT E'it\'s;', e'\\'", b"SELECT 2"]),
        (rb"SELECT '\'; SELECT 2;", [rb"SELECT '\'", b"SELECT 2"]),
        (rb"SELECT nameE'\'; SELECT 2;", [rb"SELECT nameE'\'", b"SELECT 2"]),
        (rb"SELECT 1E'\';';", [rb"SELECT 1E'\';'"]),
        (rb"SELECT b'\', x'\', n'\'; SELECT 2;", [rb"SELECT b'\', x'\', n'\'", b"SELECT 2"]),
        (b"SELECT U&'d\\0061t;a', U&\"d\\0061t;a\";", [b"SELECT U&'d\\0061t;a', U&\"d\\0061t;a\""]),
        (b'SELECT "a;""b;" FROM "x;";', [b'SELECT "a;""b;" FROM "x;"']),
        (b"SELECT $$;$$, $a$;$$;$b$;$a$;", [b"SELECT $$;$$, $a$;$$;$b$;$a$"]),
        (b"SELECT a$b$c; SELECT $1, $2$x$;$x$;", [b"SELECT a$b$c", b"SELECT $1, $2$x$;$x$"]),
        (b"SELECT $a-$b$;$b$;", [b"SELECT $a-$b$;$b$"]),
        (b"SELECT 1 -- ;'\n + 2;", [b"SELECT 1 -- ;'\n + 2"]),
        (b"SELECT 1 /* ; /* ' */ ; */ + 2;", [b"SELECT 1 /* ; /* ' */ ; */ + 2"]),
        (b"SELECT 1 /*/*/ ; */*/ + 2;", [b"SELECT 1 /*/*/ ; */*/ + 2"]),
        (b"/* a */ -- b\n SELECT 1 +-- c;\n2;", [b"SELECT 1 +-- c;\n2"]),
        (b"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);",
         [b"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)"]),
        (
            b"CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a THEN 1 END; END; SELECT 2;",
            [
                b"CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a THEN 1 END; END",
                b"SELECT 2",
            ],
        ),
        (b"CREATE VIEW v AS SELECT CASE WHEN true THEN 1 END; BEGIN; END;",
         [b"CREATE VIEW v AS SELECT CASE WHEN true THEN 1 END", b"BEGIN", b"END"]),
        (rb"SELECT E'a'  " + b"\n" + rb"-- it's" + b"\n" + rb" 'b\';'; SELECT 2;",
         [rb"SELECT E'a'  " + b"\n" + rb"-- it's" + b"\n" + rb" 'b\';'", b"SELECT 2"]),
        (rb"SELECT E'a' '\'; SELECT 2;", [rb"SELECT E'a' '\'", b"SELECT 2"]),  # in one line: no continuation, another text
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_statements(script: bytes, expected: list[bytes], size: int) -> None:
    assert texts(script, size) == expected


def test_backslashes_escape_where_the_script_says_so() -> None:
    script = (
        rb"SET standard_conforming_strings = off; SELECT '\'; SELECT 2', b'\';"
        rb"SET standard_conforming_strings TO 'on'; SELECT '\';"
    )
    assert texts(script) == [
        b"SET standard_conforming_strings = off",
        rb"SELECT '\'; SELECT 2', b'\'",
        b"SET standard_conforming_strings TO 'on'",
        rb"SELECT '\'",
    ]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_rows(size: int) -> None:
    script = (
        b"COPY a (i, t) FROM stdin;\n1\t\\\\.\n\\\\.\n2\t\\N\n\\.\n"
        b"COPY public.b FROM STDIN;\n\\.\nCOPY c FROM stdin ;\r\nx\\.\r\n\\.\r\n\nSELECT 1;\n"
        b'COPY "d" FROM stdin;\nlast\n\\.'
    )
    assert texts(script, size) == [
        b"COPY a (i, t) FROM stdin", b"1\t\\\\.\n\\\\.\n2\t\\N\n",
        b"COPY public.b FROM STDIN", b"",
        b"COPY c FROM stdin ", b"x\\.\r\n",
        b"SELECT 1",
        b'COPY "d" FROM stdin', b"last\n",
    ]  # fmt: skip


def test_words_are_those_outside_of_parentheses() -> None:
    (statement,) = read(b'  Copy public."odd (name" (a, b) /* x */ From\nStdIn;\n\\.\n')[:1]
    assert isinstance(statement, Statement)
    assert statement.words == (b"COPY", b"PUBLIC", b".", b'"odd (name"', b"(", b")", b"FROM", b"STDIN")
    assert statement.copies_in


def test_calls_of_watched_functions_at_any_depth() -> None:
    (statement,) = read(b"SELECT (1 + (pg_catalog . \"lo_import\" /* x */ ('f'))), lo_export, 'lo_export(1)';")
    assert isinstance(statement, Statement)
    assert statement.calls == {b"lo_import"}


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_lines(size: int) -> None:
    script = b"-- x\n\nSELECT\n1;\nCOPY t FROM stdin;\n1\n2\n\\.\n/* a\nb */ SELECT $$\n\n$$;\nSELECT 3;"
    assert [each.line for each in read(script, size) if isinstance(each, Statement)] == [3, 5, 10, 13]


@pytest.mark.parametrize(
    ("script", "line", "found"),
    [
        (b"SELECT 1;\n\\connect other\n", 2, r"\connect other"),
        (b"\\! rm -rf /\n", 1, r"\! rm -rf /"),
        (b"SELECT 1\n\\g |sh\n;", 2, r"\g |sh"),
        (b"SELECT 1 \\gexec\n", 1, r"\gexec"),
        (b"\n\n \\restrict abc\n", 3, r"\restrict abc"),
        (b"\\restrict a;b\n", 1, r"\restrict a;b"),
        (b"\\restrict abc \\! sh\n", 1, r"\restrict abc \! sh"),
        (b"\\unrestrict\n\\! sh\n", 1, r"\unrestrict"),
        (b"SELECT (\\! sh\n);", 1, r"\! sh"),
        (b"SELECT 'a' \\i x\n;", 1, r"\i x"),
        (b"COPY t FROM stdin;\n1\n\\.\n\\o |sh\n", 4, r"\o |sh"),
        (b"\\copy t from program 'sh'\n", 1, r"\copy t from program 'sh'"),
        (b"\\if true\n", 1, r"\if true"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_meta_commands_are_refused(script: bytes, line: int, found: str, size: int) -> None:
    with pytest.raises(RefusedError) as caught:
        read(script, size)
    assert caught.value.message == f"dump.sql, line {line}: psql would take this for a meta-command: {found}"


def test_what_pg_dump_writes_of_restricting_is_noise() -> None:
    script = b"--\n\n\\restrict Abc123\n\nSELECT 1;\n\\unrestrict Abc123\n\n"
    assert texts(script) == [b"SELECT 1"]
    assert texts(script, 1) == [b"SELECT 1"]


@pytest.mark.parametrize(
    ("begin", "more"), [(b"SELECT ", b"a"), (b"COPY t FROM stdin;", b" "), (b"SELECT 1;\n\\", b"!"), (b"SELECT ", b"1")]
)
def test_what_never_ends_is_not_kept_in_memory(begin: bytes, more: bytes) -> None:
    """Names, numbers and lines of any length, from a source that could give gigabytes."""
    fed: list[int] = []

    def endless() -> Iterator[bytes]:
        yield begin
        while len(fed) < 10_000:
            fed.append(1)
            yield more * 100_000

    with pytest.raises(RefusedError):
        read_all(Lexer(endless(), lambda line: f"line {line}"))
    assert len(fed) < 2_000


def test_something_behind_a_copy_in_its_line_is_refused() -> None:
    with pytest.raises(RefusedError, match="line 2: something follows a COPY"):
        read(b"SELECT 1;\nCOPY t FROM stdin; SELECT 2;\n1\n\\.\n")


def test_a_byte_of_value_zero_is_no_text() -> None:
    with pytest.raises(RefusedError, match="line 2: a byte of value zero"):
        read("-- a\nSELECT 1;".encode("utf-16-le").replace(b"\0", b"", 6))


def test_a_statement_without_end_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexer_module, "STATEMENT_LIMIT", 10_000)
    for script in (
        b"SELECT 1;\nSELECT '" + b"x" * 20_000,
        b"\nSELECT " + b"1+" * 10_000,
        b"\nSELECT $$" + b"x" * 20_000,
    ):
        with pytest.raises(RefusedError, match="line 2: a statement has more than"):
            read(script, 100)
    assert len(texts(b"COPY t FROM stdin;\n" + b"x" * 50_000 + b"\n\\.\n", 100)[1]) == 50_001


@pytest.mark.parametrize(
    ("script", "is_complete"),
    [
        (b"SELECT 1;\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict a\n", True),
        (b"SELECT 1;\n-- PostgreSQL database dump complete", True),
        (b"SELECT 1;\n", False),
        (b"-- PostgreSQL database dump complete\nSELECT 1;\n", False),
        (b"-- PostgreSQL database dump complete\nSELECT 1;\n-- PostgreSQL database dump complete\n", True),
        (b"SELECT 1;\n-- PostgreSQL database dump compl", False),
        (b"SELECT 1;\n/* -- PostgreSQL database dump complete */", False),
        (b"SELECT '\n-- PostgreSQL database dump complete\n';", False),
        (b"COPY t FROM stdin;\n-- PostgreSQL database dump complete\n\\.\n", False),
        (b"-- pantry-tui: backup a\nSELECT 1;\n-- PostgreSQL database dump complete\n", False),
        (b"-- pantry-tui: backup a\nSELECT 1;\n-- pantry-tui: end of backup a: 1 tables, 1 rows\n", True),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_end_marks(script: bytes, is_complete: bool, size: int) -> None:
    lexer = lexer_of(script, size)
    for statement in lexer.statements():
        if statement.copies_in:
            list(lexer.rows())
    assert lexer.is_complete is is_complete


def test_our_own_end_line() -> None:
    lexer = lexer_of(b"SELECT 1;\n-- pantry-tui: end of backup 20261123T020000Z-daily-7f3a: 2 tables, 1000 rows\n")
    assert len(list(lexer.statements())) == 1
    assert lexer.is_complete
    assert lexer.end_line == EndLine(2, 1000)


@pytest.mark.parametrize(
    "script",
    [b"SELECT 1", b"SELECT 'a", b'SELECT "a', b"SELECT $$a", b"/* a", b"COPY t FROM stdin;\n1\n", b"COPY t FROM stdin;\n1\n\\",
     b"SELECT (1;", b"COPY t FROM stdin;", b"SELECT E'\\", b"CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;"],
)  # fmt: skip
def test_what_is_cut_off(script: bytes) -> None:
    for size in (1, 1000):
        with pytest.raises(BackupDamagedError, match="is cut off"):
            read(script, size)


# Parts of which any statement can be made; none holds a semicolon that ends one.
PARTS = st.sampled_from(
    [b"a", b"E", b"e1", b"1", b"1.5", b"$1", b"+", b"-", b"/", b"*", b"(;)", b"((;'x'))", b"'a;b'", b"'it''s'", rb"E'\';\\'",
     b'"a;""b"', b"$$;'$$", b"$x$;$$;$y$;$x$", b"-- ;'\"\n", b"/* ; /* ' */ ; */", b"N'x'", b"B'1'", b"U&'\\0061'", b"::", b",",
     b"[1]", "ü".encode(), b"CASE", b"END", b"BEGIN"]
)  # fmt: skip
GAPS = st.sampled_from([b" ", b"\n", b"\t", b"  ", b"\r\n", b"/**/"])
STATEMENTS = st.lists(st.tuples(PARTS, GAPS), min_size=1, max_size=8).map(
    lambda parts: b"SELECT " + b"".join(part + gap for part, gap in parts)
)
ROWS = st.lists(
    st.sampled_from([b"", b"1\t\\N", b"\\\\.", b"a\\.", b"\\.b", b" \\.", b"\\.\\.", b"'", b"--", b"\\."]), max_size=6
)


@given(st.lists(STATEMENTS, max_size=6), st.integers(1, 40))
def test_statements_come_as_they_were_put_together(statements: list[bytes], size: int) -> None:
    script = b";\n".join([*statements, b""])
    assert texts(script, size) == statements


@given(st.lists(ROWS, max_size=4), st.integers(1, 20))
def test_rows_end_at_the_first_line_of_their_end(blocks: list[list[bytes]], size: int) -> None:
    whole = [[row for row in rows if row != b"\\."] for rows in blocks]
    script = b"".join(
        b"COPY t FROM stdin;\n" + b"".join(row + b"\n" for row in rows) + b"\\.\nSELECT 1;\n" for rows in whole
    )
    expected: list[bytes] = []
    for rows in whole:
        expected += [b"COPY t FROM stdin", b"".join(row + b"\n" for row in rows), b"SELECT 1"]
    assert texts(script, size) == expected


ODD = st.sampled_from([b";", b"\\", b"'", b'"', b"$$", b"/*", b"*/", b"\n\\.\n", b"COPY t FROM stdin;\n", b"\\restrict x\n",
                       b"SET standard_conforming_strings = off;"])  # fmt: skip


@given(st.lists(st.one_of(PARTS, GAPS, ODD, st.binary(max_size=4)), max_size=20), st.integers(1, 30))
def test_pieces_make_no_difference_whatever_is_read(parts: list[bytes], size: int) -> None:
    def outcome(size: int) -> tuple[list[Statement | bytes], str]:
        script = b"".join(parts).replace(b"\0", b"")
        lexer, found = lexer_of(script, size), list[Statement | bytes]()
        try:
            for statement in lexer.statements():
                found.append(statement)
                if statement.copies_in:
                    found.append(b"".join(lexer.rows()))
        except PantryError as error:
            return found, error.message
        return found, f"complete: {lexer.is_complete}"

    assert outcome(size) == outcome(1 << 20)


@given(st.data())
def test_a_dump_that_is_cut_anywhere_is_not_complete(data: st.DataObject) -> None:
    script = (
        b"\\restrict k\nSET standard_conforming_strings = on;\nCREATE TABLE t (a int);\nCOPY t FROM stdin;\n1\n2\n\\.\n"
        b"CREATE FUNCTION f() RETURNS text AS $_$ SELECT ';'; $_$ LANGUAGE sql;\n--\n"
        b"-- PostgreSQL database dump complete"
    )
    lexer = lexer_of(script[: data.draw(st.integers(0, len(script) - 1))])
    try:
        for statement in lexer.statements():
            if statement.copies_in:
                list(lexer.rows())
    except PantryError:
        return
    assert not lexer.is_complete
