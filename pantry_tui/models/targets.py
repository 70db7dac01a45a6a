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


class StoreAccess(Model, frozen=True, kw_only=True):
    """How an object store is reached. Holds no secret: credentials are references, or None: found in the usual places."""

    endpoint: str | None = None  # None: that of AWS in the region
    region: str | None = None
    path_style: bool = True  # the bucket stands in the path, not in the host's name
    ca_file: str | None = None  # whom to trust besides those that the machine trusts
    allow_http: bool = False  # an endpoint on this machine may be reached without TLS in any case
    storage_class: str | None = None  # of the data; manifests and records are always of the standard one
    encryption: str | None = None  # by the store: AES256, aws:kms, aws:kms:dsse
    kms_key: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    bytes_per_second: int | None = None  # most that is sent; None: as fast as it goes


class RepositoryTarget(Model, frozen=True, kw_only=True, omit_defaults=True):
    """Where backups are kept. ``location`` is an absolute directory path, or with a ``store`` a URL: `s3://bucket/prefix`."""

    name: str
    location: str
    store: StoreAccess | None = None
