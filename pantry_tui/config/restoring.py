"""What somebody may name as the target of a restore: another server's database by its address, or only a name."""

from __future__ import annotations

import re
import unicodedata

from pantry_tui.config.targets import connection_parameters, is_uri
from pantry_tui.errors import ConfigError, RefusedError, UsageError
from pantry_tui.models import DatabaseTarget

NAME_BYTES = 63  # the server cuts off what is longer
PROTECTED = ("postgres", "template0", "template1")  # every server has them, and other programs count on them
_DRILL_SUFFIX = "_drill"
_ADDRESS_KEYWORD = re.compile(r"(?:^|\s)(?:host|hostaddr|port|dbname|user|password|service|sslmode)\s*=")


def is_address(text: str) -> bool:
    """Whether this is meant to say which server: a URI, or libpq's `keyword=value` pairs, be they right or wrong."""
    if "://" in text or _ADDRESS_KEYWORD.search(text):
        return True
    return "=" in text and _is_keyword_string(text)


def _is_keyword_string(text: str) -> bool:
    try:
        connection_parameters(text, key="the target")
    except ConfigError:
        return False
    return True


def check_target_name(name: str) -> None:
    """Raises `UsageError` for what cannot be a new database's name, `RefusedError` for one that no restore may fill."""
    if not name:
        raise UsageError("the target is an empty name", remedy="name the database to restore into")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise UsageError(
            f"the target's name {name!r} holds control characters or bytes that are no text",
            remedy="choose a name without them",
        )
    if (length := len(name.encode())) > NAME_BYTES:
        raise UsageError(
            f"the target's name has {length} bytes; PostgreSQL keeps the first {NAME_BYTES} only: {name}",
            remedy=f"choose a name of at most {NAME_BYTES} bytes",
        )
    if "://" in name:
        raise UsageError(f"{name!r} is no database name", remedy="a connection URI begins with postgresql://")
    if name in PROTECTED:
        raise RefusedError(
            f"database {name} is the server's own, which other programs connect to or copy: no restore fills it",
            remedy="restore into a new database, by a name that does not exist yet",
        )


def check_target(target: DatabaseTarget) -> None:
    """The same for a target, as far as it names its database without asking the server."""
    if (name := named_database(target)) is not None:
        check_target_name(name)


def require_database(target: DatabaseTarget) -> None:
    """Raises `UsageError` for an address without a database: libpq would take one that nobody wrote."""
    parameters = connection_parameters(target.conninfo, key="the target")
    if not (parameters.get("dbname") or parameters.get("service")):
        raise UsageError(
            "the target names a server, but no database",
            remedy="write postgresql://host/DATABASE"
            if is_uri(target.conninfo)
            else "add dbname=DATABASE to the target",
        )


def named_database(target: DatabaseTarget) -> str | None:
    """The database's own name; None where only a service file or libpq's defaults say it."""
    parameters = connection_parameters(target.conninfo, key="the target") if target.conninfo else {}
    if name := parameters.get("dbname"):
        return name
    if parameters.get("service") or target.environment.get("PGSERVICE"):
        return None
    return target.environment.get("PGDATABASE") or None


def drill_name(database: str) -> str:
    """What a drill restores ``database`` into: a name of its own, so that what a crash leaves is known for what it is."""
    return database.encode()[: NAME_BYTES - len(_DRILL_SUFFIX)].decode("utf-8", "ignore") + _DRILL_SUFFIX
