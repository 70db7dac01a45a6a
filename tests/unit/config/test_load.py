"""Where the configuration comes from, and what is wrong with a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pantry_tui.config import Config, Tier, load_config
from pantry_tui.errors import ConfigError, NotFoundError
from pantry_tui.models import Compression

FULL = """
data_directory = "/srv/data"
default_database = "crm"

[databases.crm]
host = "db.example"
port = 5433
dbname = "kitchen"
user = "backup"
password = "env:CRM_PASSWORD"
tier = "critical"

[databases.billing]
url = "postgresql://backup@billing/main"

[repositories.near]
path = "/srv/backups"

[backup]
jobs = 3
compression = "zstd"
lock_timeout_seconds = 2

[runner]
max_jobs = 1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(file: Path, content: str, **environment: str) -> Config:
    file.write_text(content)
    file.chmod(0o600)
    return load_config(file, {"HOME": str(file.parent), **environment})


def test_environment_alone_is_enough(tmp_path: Path) -> None:
    environment = {
        "HOME": str(tmp_path),
        "DATABASE_URL": "postgresql://u@h/crm",
        "BACKUP_DIR": f"{tmp_path}/b",
        "DATA_DIR": f"{tmp_path}/d",
    }
    config = load_config(environment=environment)
    assert config.path is None
    assert config.data_directory == f"{tmp_path}/d"
    assert config.repository_target().location == f"{tmp_path}/b"
    assert config.database_target().name == "crm"


def test_without_backup_dir_backups_lie_in_the_data_directory(tmp_path: Path) -> None:
    config = load_config(environment={"HOME": str(tmp_path), "DATA_DIR": "/d"})
    assert config.repository_target().location == "/d/backups"
    assert load_config(environment={"HOME": "/h"}).data_directory == "/h/.local/share/pantry-tui"


def test_the_file_sets_everything(file: Path) -> None:
    config = load(file, FULL, CRM_PASSWORD="canary")
    assert config.data_directory == "/srv/data"
    assert config.databases["crm"].tier is Tier.CRITICAL
    assert (config.backup.jobs, config.backup.compression, config.backup.nice) == (3, Compression.ZSTD, 0)
    assert (config.runner.max_jobs, config.runner.history_days) == (1, 30)
    assert config.repository_target().name == "near"
    assert config.database_target().environment["PGPASSWORD"] == "canary"
    assert config.origins["runner.max_jobs"] == f"file {file}"
    assert config.origins["runner.history_days"] == "default"
    assert "canary" not in repr(config)


def test_environment_overrides_the_file(file: Path) -> None:
    config = load(file, FULL, DATA_DIR="/other", BACKUP_DIR="/usb", DATABASE_URL="postgresql:///scratch")
    assert config.data_directory == "/other"
    assert config.repository_target().location == "/usb"
    assert config.database_target().name == "scratch"
    assert config.database_target("billing").name == "billing"
    assert config.origins["data_directory"] == "environment variable DATA_DIR"


def test_search_order(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("option.toml", "variable.toml", "home/.config/pantry-tui/config.toml")]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
    environment = {"HOME": str(tmp_path / "home"), "PANTRY_CONFIG": str(places[1])}
    assert load_config(places[0], environment).path == str(places[0])
    assert load_config(None, environment).path == str(places[1])
    del environment["PANTRY_CONFIG"]
    assert load_config(None, environment).path == str(places[2])


@pytest.mark.parametrize("given", ["option", "variable"])
def test_a_named_file_that_is_absent_is_an_error(tmp_path: Path, given: str) -> None:
    absent = str(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="does not exist") as caught:
        load_config(absent if given == "option" else None, {"PANTRY_CONFIG": absent} if given == "variable" else {})
    assert absent in caught.value.message


@pytest.mark.parametrize(
    ("content", "said", "remedy"),
    [
        ("data_dir = '/x'", "unknown key 'data_dir'", "data_directory"),
        ("[runner]\nmax_job = 1", r"unknown key 'max_job' in \[runner\]", "max_jobs"),
        ("[databases.crm]\nhots = 'x'", r"unknown key 'hots' in \[databases.crm\]", "host"),
        ("[runner]\nmax_jobs = 'three'", "runner.max_jobs must be a whole number of jobs from 1 to 64", "max_jobs"),
        ("[runner]\nmax_jobs = 0", "runner.max_jobs must be", "max_jobs"),
        ("[backup]\ncompression = 'xz'", 'backup.compression must be "gzip", "zstd" or "none"', "compression"),
        ("[databases.crm]\nport = 70000", "databases.crm.port must be a port number", "port"),
        ("[databases.crm]\nsslmode = 'on'", "databases.crm.sslmode must be", "sslmode"),
        ("[repositories.near]", "repositories.near needs a path or a url", "directory"),
        ("[repositories.near]\npath = 'backups'", "repositories.near.path must be an absolute path", "~/"),
        ("[repositories.near]\npath = 's3://bucket/x'", "must be a directory, and s3://… is none", "url"),
        ("[databases.crm]\nclient_tools = 'bin'", "databases.crm.client_tools must be an absolute path", "~/"),
        ("runner = 3", "runner must be a table", "runner"),
        ("data_directory = 3", "data_directory must be a text", "data_directory"),
        ("[databases]\ncrm = 'x'", "databases.crm must be a table", "databases.crm"),
        ("[databases.'a b']\nhost = 'x'", "'a b' cannot be a name", "letters"),
        ("default_database = 'crm'", "default_database is 'crm', which is not configured", "databases.crm"),
        ("default_repository = 'x'\n[repositories.near]\npath='/b'", "default_repository is 'x'", "near"),
        ("[repositories.a]\npath='/a'\n[repositories.b]\npath='/b'", "several repositories", "a, b"),
        ("[databases.crm]\nurl='postgresql://h/x'\nhost='h'", "url and host say the same thing twice", "url"),
        ("[databases.crm]\nurl='mysql://h/x'", "begins with mysql://", "postgresql://"),
        ("[runner\n", "not valid TOML", "Correct"),
    ],
)
def test_mistakes_name_file_key_and_remedy(file: Path, content: str, said: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load(file, content)
    assert str(file) in caught.value.message
    assert remedy in (caught.value.remedy or "")


@pytest.mark.parametrize(
    "content",
    [
        "password = 'canary'",
        "password = 'canary:x'",
        "password = 17",
        "url = 'postgresql://u:canary@h/x'",
        "url = 'postgresql://h/x?password=canary'",
        "url = 'postgresql://h/x?pass%77ord=canary'",
        "url = 'host=h password=canary'",
        "url = 'postgresql://h/x?sslpassword=canary'",
        "url = 'postgresql://u:canary@h:x:y/x'",
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(file: Path, content: str) -> None:
    with pytest.raises(ConfigError, match=r"databases\.crm\.(password|url)") as caught:
        load(file, f"[databases.crm]\n{content}")
    error = caught.value
    assert "canary" not in f"{error.message} {error.remedy} {error.detail}"
    assert "canary" not in str(error.__cause__)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(file: Path, mode: int) -> None:
    file.write_text("")
    file.chmod(mode)
    with pytest.raises(ConfigError, match="can be written by others") as caught:
        load_config(file, {})
    assert caught.value.remedy == f"Run: chmod go-w {file}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(file: Path) -> None:
    file.write_text("")
    os.chown(file, 12345, -1)
    with pytest.raises(ConfigError, match="belongs to another user"):
        load_config(file, {})


@pytest.mark.parametrize("name", ["BACKUP_DIR", "DATA_DIR"])
@pytest.mark.parametrize("path", ["x", "./x", "../x", "~nobody-of-that-name/x"])
def test_a_directory_that_depends_on_where_one_stands_is_refused(name: str, path: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: '{path}' is not an absolute directory path"):
        load_config(environment={"HOME": "/h", name: path})


def test_a_store_as_backup_dir() -> None:
    config = load_config(environment={"BACKUP_DIR": "s3://bucket/prefix/", "AWS_REGION": "eu-central-1"})
    target = config.repository_target()
    assert (target.location, target.store and target.store.region) == ("s3://bucket/prefix", "eu-central-1")


def test_another_url_as_backup_dir_is_refused() -> None:
    with pytest.raises(ConfigError, match="BACKUP_DIR: ftp:// is no kind of store"):
        load_config(environment={"BACKUP_DIR": "ftp://bucket/prefix"})


def test_repositories_by_name_and_by_path(file: Path) -> None:
    config = load(file, FULL)
    assert config.repository_target("near").location == "/srv/backups"
    assert config.repository_target("/mnt/usb").location == "/mnt/usb"
    with pytest.raises(NotFoundError, match="No repository is called 'far'") as caught:
        config.repository_target("far")
    assert "near" in (caught.value.remedy or "")


def test_commands_of_the_screens_get_other_keys(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[keys]\nbackup.create = "B,f2"\n"app.quit" = "Q"\n')

    assert load_config(file, {"HOME": str(tmp_path)}).keys == {"backup.create": "B,f2", "app.quit": "Q"}


def test_a_key_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[keys]\nbackup.create = 2\n")

    with pytest.raises(ConfigError, match=r"keys\.backup\.create must be a key"):
        load_config(file, {"HOME": str(tmp_path)})


def test_where_metrics_go(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[monitoring]\ntextfile = "~/metrics/pantry.prom"\nmetrics_retention_days = 30\n')
    found = load_config(file, {"HOME": str(tmp_path)}).monitoring
    assert (found.metrics_retention_days, Path(str(found.textfile)).name) == (30, "pantry.prom")
    assert Path(str(found.textfile)).is_absolute()

    for wrong in ('textfile = "pantry.prom"', 'textfile = "/metrics/pantry.txt"', "metrics_retention_days = 0"):
        file.write_text(f"[monitoring]\n{wrong}\n")
        with pytest.raises(ConfigError, match=r"monitoring\."):
            load_config(file, {"HOME": str(tmp_path)})
