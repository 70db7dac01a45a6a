"""From names, URIs and variables to targets: the right server, and no password where others see it."""

from __future__ import annotations

import msgspec
import pytest
from psycopg.conninfo import conninfo_to_dict

from pantry_tui.config import Config, DatabaseSettings
from pantry_tui.config.targets import keyword_string, target_from_uri
from pantry_tui.errors import ConfigError
from pantry_tui.models import DatabaseTarget

AMBIENT = {"PGHOST": "elsewhere", "PGHOSTADDR": "10.0.0.1", "PGPORT": "1", "PGSERVICE": "x", "PGDATABASE": "y"}


def config(**environment: str) -> Config:
    return Config(data_directory="/d", environment=environment)


def configured(default: str | None = None, /, **databases: DatabaseSettings) -> Config:
    return Config(data_directory="/d", databases=databases, default_database=default, environment=AMBIENT)


def reached(target: DatabaseTarget) -> dict[str, object]:
    return dict(conninfo_to_dict(target.conninfo))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3cr%40t@h:5433/crm",
        "postgres://u:s3cr%40t@h:5433/crm",
        "postgresql+asyncpg://u:s3cr%40t@h:5433/crm",
        "postgresql://u@h:5433/crm?password=s3cr%40t",
        "host=h port=5433 user=u dbname=crm password='s3cr@t'",
    ],
)
@pytest.mark.parametrize("variable", ["DATABASE_URL", "SUPABASE_DB_URL"])
def test_a_password_leaves_the_url_for_the_environment(url: str, variable: str) -> None:
    target = config(**{variable: url}).database_target()
    assert target.name == "crm"
    assert reached(target) == {"host": "h", "port": "5433", "user": "u", "dbname": "crm"}
    assert target.environment == {"PGPASSWORD": "s3cr@t"}
    assert "s3cr" not in repr(target)


def test_database_url_counts_before_supabase_db_url_and_the_file() -> None:
    both = {"DATABASE_URL": "postgresql://h/one", "SUPABASE_DB_URL": "postgresql://h/two"}
    databases = {"crm": DatabaseSettings(host="h")}
    every = Config(data_directory="/d", databases=databases, default_database="crm", environment=both)
    assert every.database_target().name == "one"
    assert msgspec.structs.replace(every, environment={}).database_target().name == "crm"


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"PGHOST": "h", "PGDATABASE": "crm"}, "crm"),
        ({"PGSERVICE": "kitchen", "PGSERVICEFILE": "/f"}, "kitchen"),
        ({"PGHOST": "h", "PGUSER": "ann"}, "ann"),
    ],
)
def test_libpq_variables_alone_name_a_server(environment: dict[str, str], name: str) -> None:
    target = config(**environment, PGPASSWORD="p", PGTZ="UTC", PGDATA="/x", HOME="/h").database_target()
    assert target.name == name
    assert target.conninfo == ""
    assert target.environment == {**environment, "PGPASSWORD": "p"}


def test_the_client_variables_travel_with_a_url() -> None:
    target = config(DATABASE_URL="postgresql://h/crm", PGSSLMODE="require", PGPASSWORD="p").database_target()
    assert target.environment == {"PGSSLMODE": "require", "PGPASSWORD": "p"}


def test_a_configured_database_is_the_same_whatever_the_environment_points_to() -> None:
    settings = DatabaseSettings(host="db", dbname="kitchen", client_tools="/opt/pg/bin")
    target = configured("crm", crm=settings).database_target()
    assert target.name == "crm"
    assert reached(target) == {"host": "db", "dbname": "kitchen"}
    assert target.environment == {}
    assert target.client_tools == "/opt/pg/bin"


@pytest.mark.parametrize(
    "name", ["other", "a=b", "-f/some/path", "o'brien", "back\\slash", 'say "hi"', "host=evil", " "]
)
def test_another_name_is_a_database_of_the_default_server(name: str) -> None:
    target = config(DATABASE_URL="postgresql://u:p@h/crm").database_target(name)
    assert target.name == name
    assert reached(target) == {"host": "h", "user": "u", "dbname": name}
    assert target.environment == {"PGPASSWORD": "p"}


def test_a_uri_is_taken_as_it_is() -> None:
    target = config(DATABASE_URL="postgresql://u:p@h/crm").database_target("postgresql://v@other/b")
    assert (target.name, target.conninfo, target.environment) == ("b", "postgresql://v@other/b", {})


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("postgresql://h/a%3Db", "a=b"),
        ("postgresql://h/x?dbname=y", "y"),
        ("postgresql://ann@h", "ann"),
        ("postgresql:///?service=kitchen", "kitchen"),
        ("postgresql://a:1,b:2/ha?target_session_attrs=primary", "ha"),
    ],
)
def test_names_of_uris(uri: str, name: str) -> None:
    assert config().database_target(uri).name == name


def test_several_databases_without_a_default_must_be_named() -> None:
    with pytest.raises(ConfigError, match="Several databases are configured and none is the default: a, b"):
        configured(a=DatabaseSettings(host="h"), b=DatabaseSettings(host="h")).database_target()


def test_nothing_configured_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match="No database is configured") as caught:
        config(HOME="/h").database_target()
    assert "DATABASE_URL" in (caught.value.remedy or "")


def test_a_name_alone_means_the_local_server() -> None:
    assert reached(config().database_target("crm")) == {"dbname": "crm"}


@pytest.mark.parametrize(
    "environment",
    [
        {"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_SERVICE_KEY": "canary"},
        {"DATABASE_URL": "https://x.supabase.co"},
    ],
)
def test_a_supabase_url_is_answered_with_where_the_database_url_is(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        config(**environment).database_target()
    remedy = caught.value.remedy or ""
    assert "connection string" in remedy
    assert "5432 (not 6543" in remedy
    assert "canary" not in f"{caught.value} {remedy}"


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(ConfigError, match=r"DATABASE_URL .* libpq knows no parameter pgbouncer") as caught:
        config(DATABASE_URL="postgresql://u:canary@h/x?pgbouncer=true").database_target()
    assert caught.value.remedy == "Remove pgbouncer from it."


def test_an_unreadable_url_is_not_repeated() -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL cannot be read") as caught:
        config(DATABASE_URL="postgresql://u:can/ary@h/x").database_target()
    assert "ary" not in f"{caught.value.message} {caught.value.detail} {caught.value.__cause__}"


def test_keyword_strings_keep_every_value() -> None:
    values = {"dbname": "a' b\\ =\n", "user": ""}
    assert conninfo_to_dict(keyword_string(values)) == values


def test_empty_variables_say_nothing() -> None:
    target = target_from_uri("postgresql:///crm", {"PGCONNECT_TIMEOUT": "", "PGPORT": "5433"}, key="the URI")
    assert target.environment == {"PGPORT": "5433"}
