"""Whether rows fit into a table that is there: its columns and their types, compared with those of the backup.

Rows are put in as text, so a column may have another type where every value of the backup's has the same text in it: a longer
varchar, a larger integer. Anything else would change rows, or end the load at the first row that does not fit.
Collations order rows and change none; identity columns take the values they are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pantry_tui.artifact.manifest import ColumnType, TableEntry
from pantry_tui.errors import RestoreError
from pantry_tui.postgres.columns import TableColumns
from pantry_tui.recovery.requirements import quoted_identifier

_SHOWN = 5
# As format_type writes the server's own types; others have a schema or quotes in their names.
_FORM = re.compile(r"([a-z ]+?)(?:\((\d+)(?:,(-?\d+))?\))?((?: with(?:out)? time zone)?)")
_CHARACTERS = ("character varying", "text")
_INTEGERS = ("smallint", "integer", "bigint")
_LIMITED = (
    "character varying", "bit varying", "interval", "time with time zone", "time without time zone",
    "timestamp with time zone", "timestamp without time zone",
)  # fmt: skip


class _Type(NamedTuple):
    name: str
    limit: int | None
    scale: int | None


def holds(target: str, source: str) -> bool:
    """Whether every value of type ``source`` has the same text in type ``target``; both as `format_type` writes them."""
    if target == source:
        return True
    if target.endswith("[]") and source.endswith("[]"):
        return holds(target[:-2], source[:-2])
    wide, narrow = _parse(target), _parse(source)
    if wide is None or narrow is None:
        return False
    if wide.name == narrow.name:
        return _is_wider(wide, narrow)
    if narrow.name in _INTEGERS:
        larger = _INTEGERS[_INTEGERS.index(narrow.name) :]
        return wide.name in larger or wide == _Type("numeric", None, None)
    return wide.limit is None and wide.name in _CHARACTERS and narrow.name in _CHARACTERS


def _parse(text: str) -> _Type | None:
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    return _Type(found[1] + found[4], int(found[2]) if found[2] else None, int(found[3]) if found[3] else None)


def _is_wider(wide: _Type, narrow: _Type) -> bool:
    if wide.name != "numeric" and wide.name not in _LIMITED:
        return False
    if wide.limit is None or narrow.limit is None:
        return wide.limit is None
    return wide.limit >= narrow.limit and wide.scale == narrow.scale  # of another scale, 1.1 becomes 1.10


def is_widened(entry: TableEntry, there: TableColumns) -> bool:
    """Whether some column has another type than in the backup: fingerprints, which go by binary values, say nothing then."""
    return any(plain_type(there.types[name]) != plain_type(was) for name, was in known_types(entry))


def require_fitting(entries: list[tuple[TableEntry, TableColumns]]) -> None:
    """Raises `RestoreError` naming what does not fit, and what would make it fit."""
    lacking = [entry.qualified_name for entry, there in entries if set(entry.columns) - there.types.keys()]
    if lacking:
        raise RestoreError(
            f"{_listed(lacking)} lacks columns that the backup has rows for",
            remedy="bring the schema to the state of the backup, then try again",
        )
    computed = [words for entry, there in entries for words in _computed(entry, there)]
    if computed:
        raise RestoreError(_listed(computed), remedy="bring the schema to the state of the backup, then try again")
    found = [misfit for entry, there in entries for misfit in _misfits(entry, there)]
    if found:
        raise RestoreError(
            f"{_listed([misfit.words for misfit in found])}: rows would change, or not fit",
            remedy=f"give the backup's types to them first: {' '.join(each.statement for each in found[:_SHOWN])}",
        )


class _Misfit(NamedTuple):
    words: str
    statement: str


def _misfits(entry: TableEntry, there: TableColumns) -> Iterator[_Misfit]:
    table = f"{quoted_identifier(entry.schema)}.{quoted_identifier(entry.name)}"
    for name, was in known_types(entry):
        found = there.types[name]
        if not holds(plain_type(found), plain_type(was)):
            words = f"{entry.qualified_name}.{name} is {_words(found)} in the database and {_words(was)} in the backup"
            wanted = was.name if was.name != found.name else plain_type(was)  # a domain that is defined otherwise
            yield _Misfit(words, f"ALTER TABLE {table} ALTER COLUMN {quoted_identifier(name)} TYPE {wanted};")


def _computed(entry: TableEntry, there: TableColumns) -> Iterator[str]:
    """Columns that are generated on one side alone. One that the table does not have any more is missed by nobody."""
    for name in entry.columns:
        if name in there.generated:
            yield f"{entry.qualified_name}.{name} is generated in the database, and the backup has values for it"
    for name in entry.generated:
        if name in there.types and name not in there.generated:
            yield f"{entry.qualified_name}.{name} is generated in the backup, without values, and not in the database"


def known_types(entry: TableEntry) -> Iterator[tuple[str, ColumnType]]:
    """The columns with their types; none where the manifest is of a version that did not record them."""
    return zip(entry.columns, entry.types, strict=True) if entry.types else iter(())


def plain_type(column: ColumnType) -> str:
    """The type that decides on the text of values."""
    return column.base or column.name


def _words(column: ColumnType) -> str:
    return f"{column.name} ({column.base})" if column.base else column.name


def _listed(found: list[str]) -> str:
    more = len(found) - _SHOWN
    return "; ".join(found[:_SHOWN]) + (f"; and {more:,} more" if more > 0 else "")
