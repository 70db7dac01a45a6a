"""Targets of restores: an address goes to its own server, a name stays a name, and what can be neither is refused."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from pantry_tui.config import Config, DatabaseSettings
from pantry_tui.errors import ConfigError, RefusedError, UsageError

SOURCE = {"DATABASE_URL": "postgresql://u:p@source/crm"}
CONFIG = Config(data_directory="/d", environment=SOURCE, databases={"other": DatabaseSettings(host="second")})


@pytest.mark.parametrize(
    "text",
    [
        "dbname=kv1 host=/tmp/x port=5599",
        "host = '/tmp/x' port=5599 dbname='kv1'",
        "postgresql://:5599/kv1?host=/tmp/x",
        "postgresql:///kv1?host=/tmp/x&port=5599",
    ],
)
def test_an_address_goes_to_its_own_server(text: str) -> None:
    target = CONFIG.restore_target(text)
    assert target.name == "kv1"
    assert conninfo_to_dict(target.conninfo) == {"host": "/tmp/x", "port": "5599", "dbname": "kv1"}


def test_a_password_of_an_address_goes_to_the_environment() -> None:
    target = CONFIG.restore_target("host=h dbname=x password=canary")
    assert "canary" not in target.conninfo
    assert target.environment["PGPASSWORD"] == "canary"


@pytest.mark.parametrize("name", ["crm restored", "a=b", "o'brien", "-f", "ü" * 31, "x" * 63, "Sch.ema"])
def test_anything_else_is_a_name_on_the_source_server(name: str) -> None:
    target = CONFIG.restore_target(name)
    assert target.name == name
    assert conninfo_to_dict(target.conninfo) == {"host": "source", "user": "u", "dbname": name}
    assert conninfo_to_dict(CONFIG.restore_target(name, server="other").conninfo) == {"host": "second", "dbname": name}


@pytest.mark.parametrize(
    "text",
    [
        "dbname=kv1 hots=/tmp/x",
        "host=/tmp/x dbname",
        "mysql://h/x",
        "my db://x",
        "postgresql://u:canary@h/x?nonsense=1",
        "password=canary dbname='x",
    ],
)
def test_a_wrong_address_is_never_a_name(text: str) -> None:
    with pytest.raises(ConfigError) as failure:
        CONFIG.restore_target(text)
    assert "canary" not in f"{failure.value} {failure.value.remedy}"


@pytest.mark.parametrize("text", ["host=h port=5432", "postgresql://h", "postgresql://u@h:1/"])
def test_an_address_names_its_database(text: str) -> None:
    with pytest.raises(UsageError, match="names a server, but no database"):
        CONFIG.restore_target(text)


@pytest.mark.parametrize("name", ["", "x" * 64, "ü" * 32, "new\nline", "tab\t", "\x7f", "no text \udcff"])
def test_names_that_no_new_database_gets(name: str) -> None:
    with pytest.raises(UsageError):
        CONFIG.restore_target(name)


@pytest.mark.parametrize("text", ["postgresql://h/" + "x" * 70, "host=h dbname='new\nline'", "host=h dbname=a://b"])
def test_names_within_addresses_are_checked_too(text: str) -> None:
    with pytest.raises(UsageError):
        CONFIG.restore_target(text)


@pytest.mark.parametrize("name", ["postgres", "template0", "template1"])
def test_databases_of_the_server_itself_are_refused(name: str) -> None:
    for text in (name, f"postgresql://h/{name}", f"host=h dbname={name}"):
        with pytest.raises(RefusedError, match=f"database {name} is the server's own"):
            CONFIG.restore_target(text)
