"""The roles of `globals.sql`, for a server of our own: attributes and memberships, no passwords, no settings.

The statements of the file are never run. Names and attributes are taken out of it and put into statements made here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple, cast

from psycopg import sql

# Quoted names, texts (also E'…'), comments, psql's commands, words, and single characters between them.
_TOKEN = re.compile(
    r"""(?P<name>"(?:[^"]|"")*")|(?P<text>E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*')|(?P<passed>--[^\n]*|\\[^\n]*)"""
    r"""|(?P<word>\w+)|(?P<sign>\S)""",
    re.DOTALL,
)
_ATTRIBUTES = frozenset(
    prefix + word
    for word in ("SUPERUSER", "INHERIT", "CREATEROLE", "CREATEDB", "LOGIN", "REPLICATION", "BYPASSRLS")
    for prefix in ("", "NO")
)

_SIGNS = frozenset(".,")  # between the parts of a setting's name, and between values


def role_statements(document: str, *, besides: str) -> sql.Composed:
    """What makes the roles of ``document`` (pg_dumpall's globals) on a server that has none but ``besides``."""
    made: list[sql.Composable] = []
    for statement in _statements(document):
        match statement:
            case ["CREATE", "ROLE", name] if _name(name) != besides:
                made.append(sql.SQL("CREATE ROLE {};").format(_identifier(name)))
            case ["ALTER", "ROLE", name, "WITH", *words] if _name(name) != besides:
                attributes = " ".join(word for word in words if word in _ATTRIBUTES)
                made.append(sql.SQL("ALTER ROLE {} WITH {};").format(_identifier(name), _words(attributes)))
            case ["GRANT", group, "TO", member, *_]:
                made.append(sql.SQL("GRANT {} TO {};").format(_identifier(group), _identifier(member)))
            case _:
                pass
    return sql.Composed(made)


class MissingRole(NamedTuple):
    """A role that is to be made. Each of ``statements`` is tried by itself."""

    name: str
    statements: tuple[sql.Composed, ...]  # attributes, memberships, settings
    wants_password: bool


def missing_roles(document: str, there: Collection[str]) -> list[MissingRole]:
    """The roles of ``document`` that are not ``there``, each with what the source had given it; no passwords."""
    found: dict[str, MissingRole] = {}

    def add(token: str, made: sql.Composed) -> None:
        role = found[_name(token)]
        found[role.name] = role._replace(statements=(*role.statements, made))

    for statement in _statements(document):
        match statement:
            case ["CREATE", "ROLE", name] if _name(name) not in there:
                found[_name(name)] = MissingRole(_name(name), (), wants_password=False)
            case ["ALTER", "ROLE", name, "WITH", *words] if _name(name) in found:
                attributes = [word for word in words if word in _ATTRIBUTES]
                for word in attributes:
                    add(name, sql.SQL("ALTER ROLE {} WITH {}").format(_identifier(name), _words(word)))
                found[_name(name)] = found[_name(name)]._replace(wants_password="LOGIN" in attributes)
            case ["ALTER", "ROLE", name, "SET", *setting] if _name(name) in found and "TO" in setting:
                add(name, _setting(name, setting))
            case ["GRANT", group, "TO", member, *_] if _name(member) in found:
                add(member, sql.SQL("GRANT {} TO {}").format(_identifier(group), _identifier(member)))
            case _:
                pass
    return list(found.values())


def _setting(name: str, tokens: Sequence[str]) -> sql.Composed:
    """`search_path TO 'a', 'b'`: a literal is a token, and stays as pg_dumpall wrote it."""
    at = tokens.index("TO")
    parts = [_name(token) for token in tokens[:at] if token not in _SIGNS]
    values = [
        sql.SQL(cast("Any", token)) if token.endswith("'") else sql.Literal(_name(token))
        for token in tokens[at + 1 :]
        if token not in _SIGNS
    ]
    setting = sql.SQL(".").join(map(sql.Identifier, parts))
    return sql.SQL("ALTER ROLE {} SET {} TO {}").format(_identifier(name), setting, sql.SQL(", ").join(values))


def _statements(document: str) -> Iterator[Sequence[str]]:
    """Each statement's tokens; those of pg_dumpall all end with a semicolon."""
    tokens: list[str] = []
    for found in _TOKEN.finditer(document):
        if found.lastgroup == "passed":
            continue
        if found.group() == ";":
            yield tokens
            tokens = []
        else:
            tokens.append(found.group())


def _name(token: str) -> str:
    return token[1:-1].replace('""', '"') if token.startswith('"') else token


def _identifier(token: str) -> sql.Identifier:
    return sql.Identifier(_name(token))


def _words(attributes: str) -> sql.SQL:
    return sql.SQL(attributes or "INHERIT")  # of the list above, nothing else
