"""What the objects of an archive need from the server they are restored on: roles, extensions, tablespaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pantry_tui.artifact.toc import TocEntry
from pantry_tui.models import Model

_TOKEN = re.compile(r'"(?:[^"]|"")*"|[^\s",;()]+|[,;()]')
_NOT_ROLES = frozenset({"public", "current_user", "session_user", "current_role", "group"})
_DATABASE_KINDS = frozenset({"DATABASE", "DATABASE PROPERTIES"})


class Requirements(Model, frozen=True, kw_only=True):
    """Names, sorted. ``owners`` are those of ``roles`` that must own something."""

    roles: tuple[str, ...]
    owners: tuple[str, ...]
    extensions: tuple[str, ...]
    tablespaces: tuple[str, ...]


def requirements(entries: Iterable[TocEntry]) -> Requirements:
    """What these entries need."""
    roles: set[str] = set()
    owners: set[str] = set()
    extensions: set[str] = set()
    tablespaces: set[str] = set()
    for entry in entries:
        if entry.kind in _DATABASE_KINDS or (entry.kind == "ACL" and entry.tag.startswith("DATABASE ")):
            continue  # of the original database itself, whose settings are not restored
        if entry.owner:
            owners.add(entry.owner)
        if entry.tablespace:
            tablespaces.add(entry.tablespace)
        if entry.kind == "EXTENSION":
            extensions.add(entry.tag)
        roles.update(_named_roles(entry))
    return Requirements(
        roles=tuple(sorted(roles | owners)),
        owners=tuple(sorted(owners)),
        extensions=tuple(sorted(extensions)),
        tablespaces=tuple(sorted(tablespaces)),
    )


def _named_roles(entry: TocEntry) -> Iterator[str]:
    if entry.kind in ("ACL", "DEFAULT ACL"):
        yield from _roles_after(entry.statement, ("TO", "FROM", "ROLE", "AUTHORIZATION"))
    elif entry.kind == "POLICY":
        yield from _roles_after(_policy_head(entry.statement), ("TO",))
    elif entry.kind == "USER MAPPING":
        yield from _roles_after(entry.statement, ("FOR",))


def _policy_head(statement: str) -> str:
    """The part of CREATE POLICY before its expressions, where roles are named."""
    tokens = _TOKEN.findall(statement)
    ends = [position for position, token in enumerate(tokens) if token == "("]  # noqa: S105
    return " ".join(tokens[: ends[0]] if ends else tokens)


def _roles_after(text: str, keywords: Sequence[str]) -> Iterator[str]:
    """Each name that follows one of the keywords, and those that follow it after commas."""
    tokens = _TOKEN.findall(text)
    position = 0
    while position < len(tokens):
        if tokens[position] in keywords:
            while position + 1 < len(tokens):
                name = _unquoted(tokens[position + 1])
                if name not in _NOT_ROLES:
                    yield name
                position += 2
                if position >= len(tokens) or tokens[position] != ",":
                    break
        else:
            position += 1


def _unquoted(token: str) -> str:
    if token.startswith('"'):
        return token[1:-1].replace('""', '"')
    return token.lower()


def create_statements(roles: Iterable[str]) -> str:
    """The SQL that creates these roles, without their attributes."""
    return " ".join(f"CREATE ROLE {quoted_identifier(role)};" for role in roles)


def quoted_identifier(name: str) -> str:
    """A name in SQL for people to run."""
    return '"' + name.replace('"', '""') + '"'
