"""The roles of `globals.sql`, for a server of our own: attributes and memberships, no passwords, no settings.

The statements of the file are never run. Names and attributes are taken out of it and put into statements made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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
