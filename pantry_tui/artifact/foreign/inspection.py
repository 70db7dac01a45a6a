"""What of a dump is run, what is left out, and what is refused.

The role that runs it is the container (`containment`): whatever a function, a DO block or a trigger of the dump tries, the
server grants that role nothing outside the new database. What is refused here is what a dump of one database never needs, so
that nobody waits for the server's "permission denied", and that a hostile dump is recognised before any of it has run.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from pantry_tui.artifact.foreign.statement import Place, Statement
from pantry_tui.errors import RefusedError

# Functions that read or write files of the server.
FILE_FUNCTIONS = frozenset(
    {
        b"lo_import",
        b"lo_export",
        b"pg_read_file",
        b"pg_read_binary_file",
        b"pg_file_write",
        b"pg_ls_dir",
    }
)

_ALLOWED = frozenset(
    b"ALTER ANALYZE BEGIN CALL COMMENT COMMIT COPY CREATE DELETE DO DROP END GRANT INSERT LOCK REFRESH RESET REVOKE SECURITY"
    b" SELECT SET START TRUNCATE UPDATE VALUES WITH".split()
)
_OF_CLUSTER = frozenset({b"DATABASE", b"TABLESPACE"})
_ROLES = frozenset({b"ROLE", b"USER", b"GROUP"})
_TRANSACTION = frozenset({b"BEGIN", b"START", b"COMMIT", b"END"})
_NAMES_A_FUNCTION = frozenset({b"ALTER", b"COMMENT", b"GRANT", b"REVOKE", b"DROP"})
_ENDS_ROLES = frozenset({b"WITH", b"GRANTED", b"CASCADE", b"RESTRICT"})
# Encodings of clients only: a byte of a character may look like a backslash or a quote, which no lexer of bytes can tell.
_CLIENT_ENCODINGS = frozenset(
    {"BIG5", "WIN950", "WINDOWS950", "GBK", "WIN936", "WINDOWS936", "GB18030", "JOHAB", "UHC", "WIN949", "WINDOWS949"}
    | {"SJIS", "SHIFTJIS", "MSKANJI", "WIN932", "WINDOWS932", "SHIFTJIS2004"}
)
_UNLINK = (b"SELECT", b"PG_CATALOG", b".", b"LO_UNLINK")  # the DROP of a large object
_EVERYBODY = frozenset({b"PUBLIC", b"CURRENT_USER", b"SESSION_USER", b"CURRENT_ROLE"})


class Way(Enum):
    """How a statement is treated."""

    RUN = auto()
    COPY = auto()  # rows follow
    TRANSACTION = auto()  # BEGIN and COMMIT: everything is one transaction already
    AUTHORIZATION = auto()  # SET ROLE and the like: the role stays the one that is contained
    OWNER = auto()  # run where we may act for the new owner
    GRANT = auto()  # run where those to whom is granted are there
    DROP = auto()  # of `pg_dump --clean`: what is not there need not go
    COMMENT = auto()  # a warning where only the owner may, as of the schema public
    SETTING = auto()  # a warning where this release does not know it
    LANGUAGE = auto()  # plpgsql, which every database has
    DISABLE_TRIGGERS = auto()  # ALL of them: those of foreign keys are the superuser's
    ENABLE_TRIGGERS = auto()


class Treatment(NamedTuple):
    """What is done with a statement, the roles in whose name it acts, and those that it grants something."""

    way: Way
    roles: tuple[str, ...] = ()
    grantees: tuple[str, ...] = ()


def treatment(statement: Statement, place: Place) -> Treatment:
    """How a statement is treated. Raises `RefusedError` naming its line for what no dump of one database needs."""
    words = statement.words
    reason = _reason_to_refuse(statement)
    if reason is not None:
        raise RefusedError(
            f"{place(statement.line)}: {reason}: {statement.beginning}",
            remedy="no part of the dump was run; take it with pg_dump of one database, without --create, or look at that line",
        )
    first, second = words[0], words[1] if len(words) > 1 else b""
    if statement.copies_in:
        return Treatment(Way.COPY)
    if first in _TRANSACTION:
        return Treatment(Way.TRANSACTION)
    if first in (b"SET", b"RESET"):
        return Treatment(Way.AUTHORIZATION if _is_of_authorization(words) else Way.SETTING)
    if first == b"COMMENT":
        return Treatment(Way.COMMENT)
    if first in (b"GRANT", b"REVOKE"):
        return Treatment(Way.GRANT, grantees=_grantees(words))
    if first == b"ALTER":
        return _of_alter(words, second)
    if first == b"CREATE" and _is_plpgsql(words):
        return Treatment(Way.LANGUAGE)
    return Treatment(Way.DROP if first == b"DROP" or words[:4] == _UNLINK else Way.RUN)


def script_encoding(words: Sequence[bytes]) -> str | None:
    """The encoding that a SET client_encoding names; None for any other statement."""
    rest = _setting(words)
    if rest[:1] == [b"CLIENT_ENCODING"] and len(rest) > 2:
        return rest[2].strip(b"'\"").decode("ascii", "replace")
    return None


def unquoted(word: bytes) -> str:
    """The name that a word stands for."""
    if word.startswith(b'"'):
        return word[1:-1].replace(b'""', b'"').decode(errors="surrogateescape")
    return word.lower().decode(errors="surrogateescape")


def _reason_to_refuse(statement: Statement) -> str | None:
    words = statement.words
    first, second = words[0], words[1] if len(words) > 1 else b""
    if first not in _ALLOWED:
        return "a statement that no dump needs"
    if first == b"COPY":
        return _copy_reason(words)
    if first == b"ALTER" and second == b"SYSTEM":
        return "it changes the server's own configuration"
    if first in (b"CREATE", b"ALTER", b"DROP"):
        if second in _OF_CLUSTER:
            return f"it is about a {second.decode().lower()}, not about what is in this one"
        if second in _ROLES and words[2:3] != (b"MAPPING",):
            return "it is about a role"
    if first == b"DROP" and second == b"OWNED":
        return "it is about all that a role owns"
    if first in (b"COMMENT", b"SECURITY", b"GRANT", b"REVOKE"):
        return _object_reason(words)
    if first in (b"COMMIT", b"END") and len(words) > 1 and words[1:] not in ((b"WORK",), (b"TRANSACTION",)):
        return "it prepares or chains transactions"
    if statement.calls & FILE_FUNCTIONS and first not in _NAMES_A_FUNCTION:
        return f"it calls {', '.join(sorted(each.decode() for each in statement.calls))}, for files of the server"
    return _encoding_reason(words)


def _copy_reason(words: Sequence[bytes]) -> str | None:
    if words[-2:] == (b"FROM", b"STDIN"):
        return None
    if _last(words, b"FROM", b"PROGRAM") or _last(words, b"TO", b"PROGRAM"):
        return "COPY … PROGRAM runs a program on the server"
    if _last(words, b"FROM", b"STDIN"):
        return "COPY with options that pg_dump does not write"
    return "COPY from or to a file of the server, or out of the database"


def _object_reason(words: Sequence[bytes]) -> str | None:
    """COMMENT, SECURITY LABEL, GRANT and REVOKE: of what is in this database, not of the cluster."""
    if b"ON" not in words:
        return "it grants one role to another"
    kind = words[words.index(b"ON") + 1 :][:1]
    if kind and (kind[0] in _OF_CLUSTER or kind[0] == b"ROLE" or kind[0] == b"PARAMETER"):
        return f"it is about a {kind[0].decode().lower()}, not about what is in this database"
    return None


def _encoding_reason(words: Sequence[bytes]) -> str | None:
    encoding = script_encoding(words)
    if encoding is None:
        return None
    if "".join(filter(str.isalnum, encoding)).upper() in _CLIENT_ENCODINGS:
        return "the script is in an encoding whose characters may hold quotes; take it with pg_dump --encoding=UTF8"
    return None


def _of_alter(words: Sequence[bytes], second: bytes) -> Treatment:
    if second == b"DEFAULT" and words[2:3] == (b"PRIVILEGES",):
        roles = _names(words[5:]) if words[3:5] in ((b"FOR", b"ROLE"), (b"FOR", b"USER")) else ()
        return Treatment(Way.OWNER, roles, _grantees(words))
    if owner := _last(words, b"OWNER", b"TO"):
        if b"LANGUAGE" in words[1:3] and b"PLPGSQL" in words[2:4]:
            return Treatment(Way.LANGUAGE)
        return Treatment(Way.OWNER, _names(words[owner + 2 :]))
    if second == b"TABLE" and words[-3:] == (b"DISABLE", b"TRIGGER", b"ALL"):
        return Treatment(Way.DISABLE_TRIGGERS)
    if second == b"TABLE" and words[-3:] == (b"ENABLE", b"TRIGGER", b"ALL"):
        return Treatment(Way.ENABLE_TRIGGERS)
    return Treatment(Way.DROP if second == b"TABLE" and b"DROP" in words[3:] else Way.RUN)


def _last(words: Sequence[bytes], first: bytes, second: bytes) -> int:
    """Where two words stand side by side, the last time; 0: nowhere (no statement begins with them)."""
    found = [at for at in range(1, len(words) - 1) if words[at] == first and words[at + 1] == second]
    return found[-1] if found else 0


def _grantees(words: Sequence[bytes]) -> tuple[str, ...]:
    """The roles behind TO or FROM, which are reserved words."""
    found = [at for at, word in enumerate(words) if word in (b"TO", b"FROM")]
    return _names(words[found[-1] + 1 :]) if found else ()


def _names(words: Sequence[bytes]) -> tuple[str, ...]:
    """The roles at the beginning of ``words``, separated by commas."""
    rest, names = list(words), []
    while rest and rest[0] not in _ENDS_ROLES:
        word = rest.pop(0)
        if word == b"GROUP" and rest and rest[0] != b",":
            word = rest.pop(0)
        if word not in _EVERYBODY:
            names.append(unquoted(word))
        if rest[:1] != [b","]:
            break
        rest.pop(0)
    return tuple(names)


def _setting(words: Sequence[bytes]) -> list[bytes]:
    rest = list(words[1:]) if words[:1] == (b"SET",) else []
    return rest[1:] if rest[:1] in ([b"SESSION"], [b"LOCAL"]) else rest


def _is_of_authorization(words: Sequence[bytes]) -> bool:
    rest = list(words[1:])
    if rest[:1] in ([b"SESSION"], [b"LOCAL"]) and rest[1:2] != [b"AUTHORIZATION"]:
        rest = rest[1:]
    return rest[:1] == [b"ROLE"] or rest[:2] == [b"SESSION", b"AUTHORIZATION"]


def _is_plpgsql(words: Sequence[bytes]) -> bool:
    """CREATE LANGUAGE plpgsql as dumps of release 8.4 and older have it."""
    rest = [word for word in words[1:] if word not in (b"OR", b"REPLACE", b"TRUSTED", b"PROCEDURAL")]
    return rest == [b"LANGUAGE", b"PLPGSQL"]


def table_of(words: Sequence[bytes]) -> str:
    """The table that COPY, INSERT INTO or ALTER TABLE is about, as SQL names it."""
    parts = (word if word.startswith(b'"') else word.lower() for word in _table_name(words))
    return b"".join(parts).decode(errors="surrogateescape")


def table_parts(words: Sequence[bytes]) -> tuple[str, str]:
    """Schema and name of the table that such a statement or CREATE TABLE is about, as people read them.

    The schema is empty where the statement names none. What is no UTF-8 is replaced.
    """
    *schema, name = [unquoted(word) for word in _table_name(words)[::2]] or [""]
    return _readable(schema[-1] if schema else ""), _readable(name)


def _readable(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _table_name(words: Sequence[bytes]) -> list[bytes]:
    """Its name as it stands, dots between the parts."""
    rest = list(words[1:] if words[0] == b"COPY" else words[2:])
    for passed in ([b"TABLE"], [b"IF", b"NOT", b"EXISTS"], [b"IF", b"EXISTS"], [b"ONLY"]):
        rest = rest[len(passed) :] if rest[: len(passed)] == passed else rest
    name = rest[:1]
    while rest[1:2] == [b"."] and len(rest) > 2:
        name += rest[1:3]
        rest = rest[2:]
    return name
