"""What a backup knows of the server around its database: what a bare new server must have, and what it may differ in.

Nothing here is needed to read the backup; a restore compares it with the target and says what differs.
"""

from __future__ import annotations

import re

import msgspec

from pantry_tui.config.references import redact
from pantry_tui.models import Model

_SECRET_NAMES = re.compile(
    r"passw|passphrase|secret|token|credential|conninfo|jwt|salt|apikey|(?:^|[._-])(?:key|dsn|auth|private)(?:$|[._-])|_command$",
    re.IGNORECASE,
)
_KNOWN_NAMES = frozenset({"password_encryption"})  # that say how, and nothing secret


class DatabaseSetting(Model, frozen=True, kw_only=True):
    """A setting of the database (ALTER DATABASE), or of a role in it (ALTER ROLE … IN DATABASE)."""

    name: str
    value: str | None  # None: it may be secret, or the backup is encrypted; pg_dump's archive has it
    role: str | None = None


class NeededRole(Model, frozen=True, kw_only=True):
    """A role that owns something in the database, is granted something or has settings there, or is such a role's group."""

    name: str
    attributes: tuple[str, ...]  # as CREATE ROLE spells them: LOGIN, SUPERUSER, BYPASSRLS …
    member_of: tuple[str, ...]
    connection_limit: int  # -1: none


class InstalledExtension(Model, frozen=True, kw_only=True):
    """An extension of the database. ``libraries``: the shared libraries that its functions are in."""

    name: str
    version: str
    schema: str
    trusted: bool | None  # None: the server no longer knows that version
    libraries: tuple[str, ...]


class UsedCollation(Model, frozen=True, kw_only=True):
    """A collation that columns are sorted by, or that users made."""

    schema: str
    name: str
    provider: str  # libc, icu or builtin
    version: str | None  # as recorded when it was made; None: it has none
    actual_version: str | None  # as the server's libraries had it


class Environment(Model, frozen=True, kw_only=True):
    """The surroundings of a database when its backup was taken."""

    settings: tuple[DatabaseSetting, ...]
    privileges: tuple[str, ...] | None  # on the database, as the server shows them: user=CTc/owner; None: the default
    comment: str | None
    tablespace: str
    is_template: bool
    public_schema: bool  # whether there is one
    roles: tuple[NeededRole, ...]
    extensions: tuple[InstalledExtension, ...]
    languages: tuple[str, ...]
    actual_collation_version: str | None  # of the database's own collation
    collations: tuple[UsedCollation, ...]
    sorted_partitions: tuple[str, ...]  # tables partitioned by ranges of text, whose bounds depend on a collation
    money_columns: int
    locale: dict[str, str]  # lc_monetary, lc_numeric, lc_time, lc_messages
    server_settings: dict[str, str | None]  # that differ from the built-in ones; None: it may be secret

    @property
    def preloaded(self) -> frozenset[str]:
        """The libraries that the server loads beforehand."""
        return preloaded_libraries(self.server_settings)

    def without_values(self) -> Environment:
        """For encrypted backups, whose manifest everybody may read: no values of the database's settings, no comment."""
        settings = tuple(msgspec.structs.replace(setting, value=None) for setting in self.settings)
        return msgspec.structs.replace(self, settings=settings, comment=None)


PRELOADING = ("shared_preload_libraries", "session_preload_libraries", "local_preload_libraries")


def preloaded_libraries(settings: dict[str, str | None]) -> frozenset[str]:
    """The names of the libraries in these settings, without their directories."""
    listed = ",".join(settings.get(name) or "" for name in PRELOADING).split(",")
    names = (name.strip().strip('"').rpartition("/")[2].removesuffix(".so") for name in listed)
    return frozenset(name for name in names if name)


def may_be_secret(name: str, value: str) -> bool:
    """Whether a setting may hold a password or key: by what it is called, or because the value has a password in it."""
    return name not in _KNOWN_NAMES and (_SECRET_NAMES.search(name) is not None or redact(value) != value)
