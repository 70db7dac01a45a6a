"""Writing a first configuration file: commented, private, and read back before anybody relies on it."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path

from pantry_tui.config.configuration import Config
from pantry_tui.config.load import load_config
from pantry_tui.config.sections import is_name
from pantry_tui.config.targets import connection_parameters, target_from_uri
from pantry_tui.errors import ConfigError, RefusedError, StorageError
from pantry_tui.models import Model

_TEMPLATE = """\
# Pantry TUI. All keys: docs/configuration.md. Check with: pantry-tui config check
# DATA_DIR, BACKUP_DIR and DATABASE_URL in the environment override what stands here.

# Job history, the list of backups and the runner's socket.
data_directory = {data_directory}

{database}
[repositories.local]
path = {backup_directory}

[backup]
# jobs = 2                      # worker processes; default: one per core
# compression = "gzip"
# lock_timeout_seconds = 10

[encryption]                    # docs/encryption.md; with recipients, every backup is encrypted
# recipients_file = "/etc/pantry-tui/recipients.txt"   # one age1… a line; `pantry-tui key rotate` keeps it

# [retention]                   # docs/retention.md; with it, what no rule keeps is deleted after every backup
# days = 30
# monthly = 12

# [notifications.ops]           # docs/notifications.md; try it with: pantry-tui notify test ops
# kind = "email"                # or "slack", "apprise"
# host = "smtp.example.com"
# sender = "pantry@example.com"
# to = ["ops@example.com"]

# [notify]
# on_failure = ["ops"]

# [monitoring]                  # docs/monitoring.md
# contacts = ["ops"]            # told of alerts; the next one when nobody acknowledges
# textfile = "/var/lib/prometheus/node-exporter/pantry.prom"   # docs/metrics.md

# [hooks]                       # docs/hooks.md
# before_backup = ["/usr/local/bin/application", "stop"]
# after_backup = ["/usr/local/bin/application", "start"]

[runner]
# max_jobs = 3                  # at the same time
# history_days = 30

[scheduler]                     # docs/schedules.md
# max_concurrent_jobs = 3       # scheduled ones, within max_jobs
# default_retention_days = 30
"""

_DATABASE = """\
# Databases by name: -d {bare_name}. Passwords never stand here: use ~/.pgpass (mode 0600), or a reference
# env:NAME, file:/path, command:/path arguments, credential:NAME (systemd).
default_database = {name}

[databases.{name}]
url = {url}
{password}
# tier = "standard"             # "critical", "standard" or "non-critical"
# client_tools = "/usr/lib/postgresql/17/bin"
# [databases.{name}.assertions]   # asked after every recovery: each must return one true
# "there are contacts" = "SELECT count(*) > 0 FROM public.contacts"
"""

_NO_DATABASE = """\
# [databases.main]
# url = "postgresql://backup@localhost:5432/mydatabase"
# password = "env:BACKUP_PASSWORD"
"""


class Answers(Model, frozen=True, kw_only=True):
    """What a first configuration file is made from."""

    data_directory: str
    backup_directory: str
    database_url: str | None = None  # a password in it is left out
    password: str | None = None  # a reference


def initial_text(answers: Answers) -> str:
    """The file's content. A password in the URL does not get into it."""
    return _TEMPLATE.format(
        data_directory=_quoted(answers.data_directory),
        backup_directory=_quoted(answers.backup_directory),
        database=_database_text(answers) if answers.database_url else _NO_DATABASE,
    )


def holds_password(url: str) -> bool:
    """Whether this URL has a password in it."""
    return "PGPASSWORD" in target_from_uri(url, {}, key="the database URL").environment


def write_configuration(path: Path, answers: Answers, *, force: bool) -> Config:
    """Writes the file (0600) and loads it back. Raises `RefusedError` when it exists, unless ``force``.

    What is written is loaded from a temporary file first: a wrong answer replaces nothing.
    """
    if path.exists() and not force:
        raise RefusedError(f"{path} exists", remedy="Edit it, or replace it with --force.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_private(temporary, initial_text(answers))
        load_config(temporary, {})
        temporary.replace(path)
    except OSError as error:
        raise StorageError(f"Cannot write {path}: {error.strerror}", remedy="Choose another --path.") from error
    except ConfigError as error:
        message = error.message.replace(str(temporary), str(path))
        raise ConfigError(message, remedy=error.remedy) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return load_config(path)


def _write_private(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _database_text(answers: Answers) -> str:
    target = target_from_uri(answers.database_url or "", {}, key="the database URL")
    name = target.name if is_name(target.name) else "main"
    password = f"password = {_quoted(answers.password)}" if answers.password else '# password = "env:BACKUP_PASSWORD"'
    url = _without_password(answers.database_url or "")
    return _DATABASE.format(bare_name=name, name=_quoted(name), url=_quoted(url), password=password)


def _without_password(url: str) -> str:
    """The URL as it was written, where cutting the password out of it leaves the same address; else its parameters."""
    target = target_from_uri(url, {}, key="the database URL")
    shortened = re.sub(r"(://[^:/@?#]*):[^/?#]*@", r"\1@", url, count=1)
    if "PGPASSWORD" not in target.environment:
        return url
    left = target_from_uri(shortened, {}, key="the database URL")
    same = connection_parameters(left.conninfo, key="the database URL") == connection_parameters(
        target.conninfo, key="the database URL"
    )
    return shortened if same and not left.environment else target.conninfo


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's rules, and DEL escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
