"""Names of files for tables, whose own names may hold anything: never a path, never the same twice, on any system."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

LONGEST_BYTES = 255  # of a file's name, on most file systems

_FORBIDDEN = frozenset('/\\:*?"<>|')
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
_INVISIBLE = ("C", "Z")  # controls, formats that turn text around, unassigned, halves of characters, blanks, line ends


def entry_names(tables: Sequence[tuple[str, str]], extension: str = ".csv") -> list[str]:
    """A file's name for each (schema, table), in their order: `schema.table.csv` where that is harmless.

    Everything else is replaced by `_`, long names are cut, and what would be one name where case or the form of accents does
    not count gets a number. Which table a file is of, only the manifest says.
    """
    taken: set[str] = set()
    return [_unique(_harmless(f"{schema}.{table}"), extension, taken) for schema, table in tables]


def is_entry_name(name: str) -> bool:
    """Whether ``name`` is one that `entry_names` could have made."""
    return name == _harmless(name) and len(name.encode()) <= LONGEST_BYTES


def _harmless(name: str) -> str:
    text = "".join("_" if _is_forbidden(character) else character for character in unicodedata.normalize("NFC", name))
    if text[:1] in (".", " ", "-", "~"):  # hidden, or taken for an option or a home
        text = "_" + text[1:]
    if text[-1:] in (".", " "):
        text = text[:-1] + "_"
    return f"_{text}" if text.partition(".")[0].rstrip().casefold() in _RESERVED else text


def _is_forbidden(character: str) -> bool:
    if character in _FORBIDDEN:
        return True
    return character != " " and unicodedata.category(character).startswith(_INVISIBLE)


def _unique(stem: str, extension: str, taken: set[str]) -> str:
    number = 1
    while True:
        ending = extension if number == 1 else f"~{number}{extension}"
        name = _cut(stem, LONGEST_BYTES - len(ending)) + ending
        key = unicodedata.normalize("NFKC", name).casefold()
        if key not in taken:
            taken.add(key)
            return name
        number += 1


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode("utf-8", "ignore")
