"""What somebody may write to mean a table of a backup: its name as it is, as SQL quotes it, or as lists print it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from pantry_tui.artifact.manifest import TableEntry
from pantry_tui.artifact.toc import PG_CLASS, TocEntry, is_partitioned
from pantry_tui.errors import NotFoundError, UsageError

SUGGESTIONS = 5
_WILD = frozenset("*?")
_TOKENS = re.compile(r'("(?:[^"]|"")*")|(\.)|(.)', re.DOTALL)
_ESCAPED = re.compile(r"\\(?:([nrt])|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_NAMED = {"n": "\n", "r": "\r", "t": "\t"}


class NamedTable(NamedTuple):
    """A table that can be named; by its position in the manifest, or (partitioned ones) its entry in the archive."""

    schema: str
    name: str
    position: int | None = None
    entry: int | None = None

    @property
    def plain(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"

    def quoted(self) -> Iterable[str]:
        """`"schema"."name"`, and with only one of both in quotes."""
        schema, name = _quoted(self.schema), _quoted(self.name)
        return (f"{schema}.{name}", f"{self.schema}.{name}", f"{schema}.{self.name}")


def find_tables(tables: Sequence[TableEntry], toc: Iterable[TocEntry], names: Iterable[str]) -> list[NamedTable]:
    """The tables of these names, partitioned ones included.

    Raises `NotFoundError` naming those that the backup does not have, `UsageError` for a name that several have.
    """
    return _find(known_tables(tables, toc), names)


def find_matching(tables: Sequence[TableEntry], toc: Iterable[TocEntry], patterns: Iterable[str]) -> list[NamedTable]:
    """The same for names that may be patterns as `pg_dump -t` takes them: `film*`, `sales.*`, `film` in any schema.

    What is called exactly so comes first; then `*` is any text and `?` one character, what is not in double quotes is in lower
    case, and a dot parts schema and name; then the same text compared with `schema.name` as it is. Other signs of regular
    expressions mean themselves. Raises as `find_tables` does; also for a pattern that nothing matches.
    """
    known = known_tables(tables, toc)
    return list(dict.fromkeys(_find(known, patterns, lambda pattern: _matching(known, pattern))))


def known_tables(tables: Sequence[TableEntry], toc: Iterable[TocEntry]) -> list[NamedTable]:
    """All tables of a backup, partitioned ones included."""
    known = [NamedTable(table.schema, table.name, position=position) for position, table in enumerate(tables)]
    known += [
        NamedTable(entry.schema, entry.tag, entry=entry.id)
        for entry in toc
        if entry.kind == "TABLE" and entry.catalog == PG_CLASS and is_partitioned(entry)
    ]
    return known


def _matching(known: Sequence[NamedTable], pattern: str) -> list[NamedTable]:
    parts = _parts(pattern)
    found = []
    if len(parts) <= 2:
        name, schema = re.compile(parts[-1], re.DOTALL), re.compile(parts[0] if len(parts) > 1 else ".*", re.DOTALL)
        found = [table for table in known if schema.fullmatch(table.schema) and name.fullmatch(table.name)]
    if found or not _WILD.intersection(pattern):
        return found
    as_it_is = _glob(pattern)
    return [table for table in known if as_it_is.fullmatch(table.plain)]


def _parts(pattern: str) -> list[str]:
    """The regular expressions of a pattern's parts. A quote that is not closed stands for itself to the end."""
    parts = [""]
    for quoted, dot, plain in _TOKENS.findall(pattern):
        if quoted:
            parts[-1] += re.escape(quoted[1:-1].replace('""', '"'))
        elif dot:
            parts.append("")
        else:
            parts[-1] += _glob(plain.lower()).pattern
    return parts


def _glob(pattern: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(character) or re.escape(character) for character in pattern), re.DOTALL)


def _find(
    known: Sequence[NamedTable],
    names: Iterable[str],
    otherwise: Callable[[str], list[NamedTable]] = lambda name: [],
) -> list[NamedTable]:
    """``otherwise``: what a name means that no table has."""
    plain: dict[str, list[NamedTable]] = {}
    quoted: dict[str, list[NamedTable]] = {}
    for table in known:
        plain.setdefault(table.plain, []).append(table)
        for form in table.quoted():
            quoted.setdefault(form, []).append(table)
    found: list[NamedTable] = []
    missing: list[str] = []
    for name in names:
        exact = _meant(name, plain, quoted)
        if len(exact) > 1:
            raise UsageError(
                f"{name} may mean several tables of the backup",
                remedy="write one of them in quotes: " + ", ".join(next(iter(table.quoted())) for table in exact),
            )
        meant = exact or otherwise(name)
        found.extend(meant)
        missing.extend([] if meant else [name])
    if missing:
        raise _not_found(missing, plain)
    return found


def _meant(name: str, plain: dict[str, list[NamedTable]], quoted: dict[str, list[NamedTable]]) -> list[NamedTable]:
    raw = _ESCAPED.sub(_character, name)
    ways = (plain.get(name), quoted.get(name), plain.get(raw), quoted.get(raw))
    return next((found for found in ways if found), [])


def _not_found(missing: Sequence[str], known: Iterable[str]) -> NotFoundError:
    close = list(dict.fromkeys(near for name in missing for near in _near(name, list(known))))
    hint = f"; it has {', '.join(close[:SUGGESTIONS])}" if close else ""
    return NotFoundError(
        f"the backup has no table {', '.join(missing)}{hint}",
        remedy="name tables as schema.table, as `backup show` lists them",
    )


def _near(name: str, known: Sequence[str]) -> list[str]:
    """Tables of that name in other schemas, then those whose names are written much like it."""
    last = name.rpartition(".")[2]
    alike = set(get_close_matches(last, [each.rpartition(".")[2] for each in known], SUGGESTIONS))
    same = [each for each in known if each.rpartition(".")[2] == last]
    return [*same, *(each for each in known if each.rpartition(".")[2] in alike)]


def _character(escape: re.Match[str]) -> str:
    if escape[1]:
        return _NAMED[escape[1]]
    code = int(escape[2] or escape[3] or escape[4], 16)
    return chr(code) if code <= 0x10FFFF else escape[0]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
