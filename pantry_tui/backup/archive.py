"""Everything but the rows: one run of pg_dump in the snapshot, one of pg_dumpall for the globals.

pg_dump is told exactly which tables' rows are copied elsewhere; its archive then holds the schema, large objects, sequence
values, refreshes of materialised views and the rows of tables that only it handles right. `--schema-only` would lose large
objects, sequence values and refreshes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pantry_tui.config.targets import keyword_string

ARGUMENT_BYTES = 96 * 1024  # Linux refuses a single argument of 128 kB


def excluded_rows(tables: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """pg_dump's `--exclude-table-data` arguments for exactly these (schema, table) pairs, in the database's encoding.

    One pattern per schema, `"schema".("t1"|"t2"|…)`: 5,000 tables took 0.86 s, with a pattern each 1.79 s. In double quotes
    every character but the quote itself is literal.
    """
    by_schema: dict[bytes, list[bytes]] = {}
    for schema, table in tables:
        by_schema.setdefault(schema, []).append(_quoted(table))
    return [
        b"--exclude-table-data=" + _quoted(schema) + b".(" + b"|".join(batch) + b")"
        for schema, names in by_schema.items()
        for batch in _batches(names)
    ]


def _batches(names: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for name in names:
        if batch and size + len(name) > ARGUMENT_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += len(name) + 1
    yield batch


def dump_command(
    program: str,
    *,
    conninfo: str,
    snapshot: str,
    lock_timeout_seconds: float,
    output: str | None,
    encoding: str,
    excluded: Sequence[bytes],
    only: Sequence[str] = (),
) -> list[str | bytes]:
    """pg_dump's argv. Level 1: large objects are compressed fast, schema is not compressed at all.

    ``encoding`` is the server's: a role's or database's own client_encoding would change the document's and the names that
    ``excluded`` is compared with. ``only``: options that leave out a part of the archive. ``output`` None:
    to standard output.
    """
    return [
        program,
        "--format=custom",
        "--compress=1",
        "--no-password",
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={int(lock_timeout_seconds * 1000)}",
        *([] if output is None else [f"--file={output}"]),
        f"--encoding={encoding}",
        *only,
        *excluded,
        f"--dbname={conninfo}",
    ]


def globals_command(
    program: str, *, conninfo: str, database: str, passwords: bool, output: str | None
) -> list[str | bytes]:
    """pg_dumpall's argv: roles, memberships, tablespaces. ``passwords`` needs a superuser.

    It takes its database from another option than its server, and reads a name with an `=` as a connection string.
    """
    command: list[str | bytes] = [
        program,
        "--globals-only",
        "--no-password",
        f"--database={keyword_string({'dbname': database})}",
        *([] if output is None else [f"--file={output}"]),
        f"--dbname={conninfo}",
    ]
    return command if passwords else [*command, "--no-role-passwords"]


def _quoted(name: bytes) -> bytes:
    return b'"' + name.replace(b'"', b'""') + b'"'
