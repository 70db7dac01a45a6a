"""In which time zone this machine stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_ZONES = "zoneinfo/"


def local_zone(environment: Mapping[str, str], root: Path = Path("/")) -> str:
    """The name of the machine's time zone: by TZ, else as /etc says; UTC where neither names one."""
    for name in _candidates(environment, root):
        if _is_zone(name):
            return name
    return "UTC"


def _is_zone(name: str) -> bool:
    try:
        return bool(name) and ZoneInfo(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _candidates(environment: Mapping[str, str], root: Path) -> Iterator[str]:
    yield environment.get("TZ", "").removeprefix(":")
    try:
        link = str((root / "etc/localtime").readlink())
    except OSError:
        link = ""
    yield link.partition(_ZONES)[2]
    try:
        yield (root / "etc/timezone").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return
