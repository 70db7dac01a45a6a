"""From settings, URIs and the environment to the `DatabaseTarget` that libpq understands."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from pantry_tui.config.references import check_reference, resolve_reference
from pantry_tui.config.settings import DatabaseSettings
from pantry_tui.errors import ConfigError
from pantry_tui.models import DatabaseTarget

# These begin like libpq's, but set a session's output (which is pinned) or belong to other programs.
_NOT_ABOUT_CONNECTING = {"PGDATA", "PGAPPNAME", "PGCLIENTENCODING", "PGDATESTYLE", "PGTZ", "PGGEQO", "PGLOCALEDIR"}
_ADDRESS_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE")
_CONNINFO_FIELDS = (
    "service", "host", "port", "dbname", "user", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey",
)  # fmt: skip
_SECRET_PARAMETERS = ("sslpassword", "oauth_client_secret")  # libpq takes them from no variable

SUPABASE_REMEDY = (
    "Set DATABASE_URL or SUPABASE_DB_URL. In the Supabase dashboard: project settings → Database → connection string, "
    "session pooler, port 5432 (not 6543, the transaction pooler). The service key reaches only the REST API, "
    "not the database."
)


def is_uri(text: str) -> bool:
    """Whether this is a connection URI and not a name."""
    return re.match(r"postgres(ql)?(\+\w+)?://", text) is not None


def libpq_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The PG* variables that decide which server is reached, and as whom; empty ones say nothing, as in libpq."""
    return {name: value for name, value in environment.items() if value and is_libpq_variable(name)}


def is_libpq_variable(name: str) -> bool:
    """Whether a variable decides which server is reached, or as whom."""
    return name.startswith("PG") and not name.startswith("PG_") and name not in _NOT_ABOUT_CONNECTING


def keyword_string(parameters: Mapping[str, str]) -> str:
    """Connection parameters as libpq's `keyword='value'` string; safe for any value."""
    quoted = ((key, value.replace("\\", r"\\").replace("'", r"\'")) for key, value in parameters.items())
    return " ".join(f"{key}='{value}'" for key, value in quoted)


def connection_parameters(conninfo: str, *, key: str) -> dict[str, str]:
    """The parameters of a URI or keyword string, as libpq reads it.

    Raises `ConfigError` naming ``key`` and, because the text may hold a password, only harmless parts of it.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}
    except psycopg.ProgrammingError as error:
        unknown = re.search(r'invalid URI query parameter: "(\w+)"', str(error))
        raise _unreadable(key, unknown and unknown[1]) from None
    # A slash in a password ends the address early; what libpq then takes for the port is the password's beginning
    if not re.fullmatch(r"[0-9,\s]*", found.get("port", "")):
        raise _unreadable(key, None)
    return found


def _unreadable(key: str, parameter: str | None) -> ConfigError:
    if parameter:
        return ConfigError(
            f"{key} cannot be read as a PostgreSQL connection string: libpq knows no parameter {parameter}",
            remedy=f"Remove {parameter} from it.",
        )
    return ConfigError(
        f"{key} cannot be read as a PostgreSQL connection string",
        remedy="Write postgresql://user@host:5432/database; characters like @ : / # % in it as %40 %3A %2F %23 %25.",
    )


def target_from_uri(uri: str, environment: Mapping[str, str], *, key: str) -> DatabaseTarget:
    """The target of a URI (or keyword string). A password in it moves to ``environment`` as PGPASSWORD."""
    uri = _without_driver(uri.strip(), key=key)
    variables = libpq_variables(environment)
    if _may_hold_secret(uri):
        parameters = connection_parameters(uri, key=key)
        _refuse_other_secrets(parameters, key=key)
        if password := parameters.pop("password", None):
            variables["PGPASSWORD"] = password
        uri = keyword_string(parameters)
    return DatabaseTarget(name=database_name(uri, variables), conninfo=uri, environment=variables)


def target_from_settings(name: str, settings: DatabaseSettings, environment: Mapping[str, str]) -> DatabaseTarget:
    """The target of a configured database: the same server whatever PGHOST and the like say here."""
    variables = libpq_variables(environment)
    if settings.url or settings.host or settings.service:
        variables = {key: value for key, value in variables.items() if key not in _ADDRESS_VARIABLES}
    if settings.password:
        key = f"databases.{name}.password"
        variables["PGPASSWORD"] = resolve_reference(settings.password, environment, key=key)
    return DatabaseTarget(
        name=name,
        conninfo=settings.url or keyword_string(_settings_parameters(settings)),
        environment=variables,
        client_tools=_expanded(settings.client_tools),
    )


def target_with_database(target: DatabaseTarget, dbname: str) -> DatabaseTarget:
    """Another database of the same server."""
    if not dbname or "\0" in dbname:
        raise ConfigError("A database name is not empty and holds no NUL character", remedy="Name a database.")
    parameters = connection_parameters(target.conninfo, key="the default database")
    conninfo = keyword_string({**parameters, "dbname": dbname})
    return DatabaseTarget(
        name=dbname, conninfo=conninfo, environment=target.environment, client_tools=target.client_tools
    )


def database_name(conninfo: str, variables: Mapping[str, str]) -> str:
    """What people call the database of this connection, without asking the server."""
    if is_uri(conninfo):
        parts = urlsplit(conninfo)
        query = parse_qs(parts.query)
        found = query.get("dbname", [""])[-1] or unquote(parts.path.lstrip("/"))
        found = found or query.get("service", [""])[-1] or unquote(parts.username or "")
    else:
        parameters = connection_parameters(conninfo, key="the connection string") if conninfo else {}
        found = parameters.get("dbname") or parameters.get("service") or ""
    ambient = (variables.get(name) for name in ("PGDATABASE", "PGSERVICE", "PGUSER"))
    return found or next(filter(None, ambient), None) or _login_name()


def actual_database(target: DatabaseTarget) -> str:
    """The database's own name, where ``name`` is what the configuration calls it."""
    parameters = connection_parameters(target.conninfo, key=f"the connection of {target.name}")
    return parameters.get("dbname") or target.environment.get("PGDATABASE") or target.name


def check_database(name: str, settings: DatabaseSettings) -> None:
    """Raises `ConfigError` for settings that contradict each other or hold a secret."""
    key = f"databases.{name}"
    if settings.password is not None:
        check_reference(settings.password, key=f"{key}.password")
    for field, path in (("passfile", settings.passfile), ("client_tools", settings.client_tools)):
        if path is not None and not path.startswith(("/", "~/")):
            raise ConfigError(f"{key}.{field} must be an absolute path, not {path!r}", remedy="Begin it with / or ~/.")
    parameters = _settings_parameters(settings)
    if settings.url is None:
        return
    if parameters:
        raise ConfigError(
            f"{key}: url and {', '.join(parameters)} say the same thing twice",
            remedy=f"Keep either {key}.url or {key}.{next(iter(parameters))}.",
        )
    _without_driver(settings.url, key=f"{key}.url")
    if _may_hold_secret(settings.url):
        found = connection_parameters(settings.url, key=f"{key}.url")
        _refuse_other_secrets(found, key=f"{key}.url")
        if "password" in found:
            raise ConfigError(
                f"{key}.url holds a password",
                remedy=f"Take it out of the URL and set {key}.password to env:NAME, file:/path, command:/path "
                "or credential:NAME; or use ~/.pgpass.",
            )


def _settings_parameters(settings: DatabaseSettings) -> dict[str, str]:
    found = {field: getattr(settings, field) for field in _CONNINFO_FIELDS}
    return {field: _expanded(str(value)) or "" for field, value in found.items() if value is not None}


def _expanded(path: str | None) -> str | None:
    return str(Path(path).expanduser()) if path is not None and path.startswith("~/") else path


def _may_hold_secret(text: str) -> bool:
    if not is_uri(text):
        return "pass" in text.lower() or "secret" in text.lower()
    before, _, query = text.partition("://")[2].partition("?")
    user_part = before.rpartition("@")[0]
    return ":" in user_part or any(sign in query.lower() for sign in ("pass", "secret", "%", "@"))


def _refuse_other_secrets(parameters: Mapping[str, str], *, key: str) -> None:
    for name in _SECRET_PARAMETERS:
        if name in parameters:
            raise ConfigError(
                f"{key} holds {name}, which would show in the process list",
                remedy=f"Put {name} into a connection service file (mode 0600) and use service=NAME.",
            )


def _without_driver(uri: str, *, key: str) -> str:
    """SQLAlchemy's `postgresql+driver://` as plain `postgresql://`; anything that is no PostgreSQL URI is refused."""
    scheme, separator, _ = uri.partition("://")
    if separator and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) and not is_uri(uri):
        supabase = scheme in ("http", "https")
        raise ConfigError(
            f"{key} is no PostgreSQL address: it begins with {scheme}://",
            remedy=SUPABASE_REMEDY if supabase else "It must begin with postgresql://.",
        )
    return re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", uri)


def _login_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
