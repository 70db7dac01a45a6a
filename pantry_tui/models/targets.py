"""Where work is done: databases and repositories."""

from __future__ import annotations

import msgspec

from pantry_tui.models.base import Model


class DatabaseTarget(Model, frozen=True, kw_only=True):
    """A database as libpq finds it: conninfo without a password, and the PG* variables that go with it.

    ``name`` is what people call it: the name in the configuration, else the database's own. The password, where there
    is one outside pgpass and service files, stands in ``environment`` as PGPASSWORD and nowhere else.
    """

    name: str
    conninfo: str = ""
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    client_tools: str | None = None  # directory of pg_dump and friends; None: discover

    def redacted(self) -> DatabaseTarget:
        """The same without anything secret, for history and audit."""
        shown = {key: value for key, value in self.environment.items() if key != "PGPASSWORD"}
        return msgspec.structs.replace(self, environment=shown)

    def __repr__(self) -> str:
        return f"DatabaseTarget(name={self.name!r}, conninfo={self.conninfo!r})"


class RepositoryTarget(Model, frozen=True, kw_only=True):
    """Where backups are kept. ``location`` is an absolute directory path."""

    name: str
    location: str
