"""The systemd unit that keeps a runner alive without anybody logged in."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

from pantry_tui.errors import ConfigError, RefusedError, StorageError

UNIT_NAME = "pantry-tui.service"
SYSTEM_DIRECTORY = Path("/etc/systemd/system")
_WATCHDOG_SECONDS = 60
_END_SECONDS = 30  # for jobs to stop and for what they have written to be removed
# Only what leaves repositories anywhere, servers' sockets below /tmp, private servers under an account of their own, and
# hooks that stop and start services as they are. A user's manager can do little of it.
_HARDENING = (
    "NoNewPrivileges=yes",
    "ProtectSystem=full",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "CapabilityBoundingSet=~CAP_SYS_TIME CAP_WAKE_ALARM",  # ProtectClock= would forbid asking whether it is synchronized
    "ProtectHostname=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
)


def unit_path() -> Path:
    """Where the unit belongs: the system's directory for root, else the user's own."""
    if os.geteuid() == 0:
        return SYSTEM_DIRECTORY / UNIT_NAME
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user" / UNIT_NAME


def unit_text(
    *, config: str | None, data_directory: str, system: bool, stop_seconds: float = 0.0, hook_seconds: float = 0.0
) -> str:
    """The unit. It names the configuration and the data directory; secrets stay where the configuration refers to.

    `KillMode=mixed` lets the runner end its jobs cleanly (systemd.kill(5)): it alone gets SIGTERM, and what is left
    after `TimeoutStopSec` is killed. ``stop_seconds`` is how long the jobs may go on before that, ``hook_seconds`` how long the
    command that follows one may take. `Restart=always`: a
    runner of before an upgrade makes way to the new one by ending, and that is no failure; `systemctl stop` is not undone.
    """
    program = [sys.executable, "-m", "pantry_tui", *(["--config", config] if config else []), "runner", "--foreground"]
    command_line = " ".join(_quoted(word).replace("$", "$$") for word in program)  # variables are expanded only there
    return "\n".join(
        (
            "[Unit]",
            "Description=Pantry TUI runner: takes PostgreSQL backups and proves them",
            "After=network-online.target time-sync.target postgresql.service",
            "Wants=network-online.target",
            "",
            "[Service]",
            "Type=notify",
            "NotifyAccess=main",
            f"WatchdogSec={_WATCHDOG_SECONDS}",
            f"ExecStart={command_line}",
            "ExecReload=/bin/kill -HUP $MAINPID",
            f"Environment={_quoted('DATA_DIR=' + data_directory)}",
            "KillMode=mixed",
            f"TimeoutStopSec={math.ceil(_END_SECONDS + stop_seconds + hook_seconds)}",
            "Restart=always",
            "RestartSec=5",
            "UMask=0077",
            *(_HARDENING if system else ()),
            "",
            "[Install]",
            f"WantedBy={'multi-user.target' if system else 'default.target'}",
            "",
        )
    )


def write_unit(path: Path, text: str, *, force: bool) -> None:
    """Writes the unit. Raises `RefusedError` when another one is there, unless ``force``; `StorageError`."""
    try:
        if path.exists() and path.read_text() != text and not force:
            raise RefusedError(
                f"{path} exists and is not what would be written", remedy="compare them, or give --force"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}", remedy="print it with --print, and put it in place yourself"
        ) from error


def _quoted(word: str) -> str:
    """One word of a unit file (systemd.syntax(7)): quoted, specifiers taken literally."""
    if any(ord(character) < 32 for character in word):
        raise ConfigError(f"{word!r} cannot stand in a systemd unit", remedy="use a path without control characters")
    escaped = word.replace("\\", r"\\").replace('"', r"\"").replace("%", "%%")
    return f'"{escaped}"'
