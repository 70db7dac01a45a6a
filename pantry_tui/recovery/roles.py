"""The roles of `globals.sql`, for a server of our own: attributes and memberships, no passwords, no settings.

The statements of the file are never run. Names and attributes are taken out of it and put into statements made here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple, cast

from psycopg import sql

from pantry_tui.errors import RestoreError

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
# Of a membership: INHERIT and SET, beside ADMIN.
_WITH_OPTIONS = 160000

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


def missing_roles(document: str, there: Collection[str], server_version: int) -> list[MissingRole]:
    """The roles of ``document`` that are not ``there``, each with what the source had given it; no passwords.

    ``server_version``: of the server that is to have them (150018 for 15.18). Raises `RestoreError` for an attribute or an
    option of a membership that is not known here: without it the role might get more than it had.
    """
    found: dict[str, MissingRole] = {}

    def add(token: str, made: sql.Composed) -> None:
        role = found[_name(token)]
        found[role.name] = role._replace(statements=(*role.statements, made))

    for statement in _statements(document):
        match statement:
            case ["CREATE", "ROLE", name] if _name(name) not in there:
                found[_name(name)] = MissingRole(_name(name), (), wants_password=False)
            case ["ALTER", "ROLE", name, "WITH", *words] if _name(name) in found:
                for attribute in _attributes(name, words):
                    add(name, sql.SQL("ALTER ROLE {} WITH {}").format(_identifier(name), attribute))
                found[_name(name)] = found[_name(name)]._replace(wants_password="LOGIN" in words)
            case ["ALTER", "ROLE", name, "SET", *setting] if _name(name) in found and "TO" in setting:
                add(name, _setting(name, setting))
            case ["GRANT", group, "TO", member, *words] if _name(member) in found:
                options = _options(member, words, knows_inherit=server_version >= _WITH_OPTIONS)
                grant = sql.SQL("GRANT {} TO {}{}").format(_identifier(group), _identifier(member), options)
                add(member, grant)
            case _:
                pass
    return list(found.values())


def _attributes(name: str, words: Sequence[str]) -> Iterator[sql.Composable]:
    """Those of `ALTER ROLE … WITH`, one by one. Raises `RestoreError`."""
    rest = list(words)
    while rest:
        match rest:
            case [word, *rest] if word in _ATTRIBUTES:
                yield _words(word)
            case ["PASSWORD", _, *rest]:
                pass
            case ["VALID", "UNTIL", moment, *rest] if moment.startswith("'"):
                yield sql.SQL("VALID UNTIL {}").format(sql.SQL(cast("Any", moment)))
            case ["CONNECTION", "LIMIT", "-", number, *rest] if number.isdecimal():
                yield sql.SQL("CONNECTION LIMIT {}").format(sql.Literal(-int(number)))
            case ["CONNECTION", "LIMIT", number, *rest] if number.isdecimal():
                yield sql.SQL("CONNECTION LIMIT {}").format(sql.Literal(int(number)))
            case [word, *_]:
                raise _unknown(name, word)


def _options(member: str, words: Sequence[str], *, knows_inherit: bool) -> sql.Composable:
    """Those of a membership: `WITH ADMIN OPTION, INHERIT FALSE, SET FALSE`; who granted it is the role that restores.

    Before release 16 whether a role inherits is its own attribute alone, and it may always become another: what takes
    more away than that server can is left in, for the server to refuse. Raises `RestoreError`.
    """
    kept: list[str] = []
    rest = list(words)
    while rest:
        match rest:
            case ["WITH" | ",", *rest]:
                pass
            case ["GRANTED", "BY", _, *rest]:
                pass
            case ["ADMIN" | "INHERIT" | "SET" as option, "OPTION" | "TRUE" | "FALSE" as value, *rest]:
                value = "TRUE" if value == "OPTION" else value
                if option == "ADMIN" and not knows_inherit:
                    kept += ["ADMIN OPTION"] if value == "TRUE" else []
                elif knows_inherit or value == "FALSE":
                    kept.append(f"{option} {value}")
            case [word, *_]:
                raise _unknown(member, word)
    return sql.SQL(cast("Any", f" WITH {', '.join(kept)}" if kept else ""))


def _unknown(name: str, word: str) -> RestoreError:
    return RestoreError(
        f"the backup's globals.sql gives role {_name(name)} something that is not known here: {word[:40]}",
        remedy="make the role by hand, with what it had, then restore without --create-roles",
    )


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
