"""pg_restore: everything but the rows we load, section by section, any error a failure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from pantry_tui.artifact.content import Content
from pantry_tui.artifact.toc import TocEntry
from pantry_tui.config.targets import connection_parameters
from pantry_tui.errors import ClientToolError, RestoreError
from pantry_tui.models import DatabaseTarget, Model
from pantry_tui.postgres.connect import child_environment, conninfo
from pantry_tui.postgres.pg_restore import pg_restore
from pantry_tui.postgres.tools import ClientTools

MEMORY_SHARE = 4  # of the machine's available memory, the part that index builds may use
MEMORY_LIMIT = 1024 * 1024 * 1024
# Entries that read a table's rows: worth a process of pg_restore's each.
HEAVY = frozenset({"CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "INDEX", "MATERIALIZED VIEW DATA"})


class Archive(Model, frozen=True, kw_only=True):
    """The archive of a backup, and how it is restored. ``entries`` None: all of it."""

    content: Content
    tools: ClientTools
    target: DatabaseTarget
    entries: tuple[int, ...] | None = None
    tablespaces: bool = True
    owners: bool = True

    async def restore(self, *sections: str, jobs: int = 1) -> list[str]:
        """Restores these sections; returns the warnings of server and tool.

        Raises `RestoreError` with what was said word for word, and the server's errors that have a class of their own.
        """
        environment = child_environment(self.target)
        environment.pop("PGOPTIONS", None)  # part of the connection string, which comes first
        try:
            output = await pg_restore(
                self.tools,
                self.options(*sections, jobs=jobs),
                self.content,
                entries=self.entries,
                environment=environment,
                doing=f"restoring {' and '.join(sections)}",
            )
        except ClientToolError as error:
            if type(error) is not ClientToolError:
                raise
            raise RestoreError(
                error.message,
                remedy="see what the server said; nothing of this restore is kept",
                detail=error.detail,
            ) from error
        return [line for line in output.stderr.splitlines() if line.strip()]

    def options(self, *sections: str, jobs: int = 1) -> list[str]:
        """pg_restore's options. They hold no secret and no name that could be taken for another."""
        options = self.target.environment.get("PGOPTIONS", "")
        parameters = connection_parameters(conninfo(self.target, application="restore"), key="the target")
        options = " ".join(filter(None, [parameters.get("options", options), *self._settings(jobs)]))
        text = conninfo(self.target, application="restore") + f" options={_quoted(options)}"
        return [
            "--exit-on-error",
            "--no-password",
            *(f"--section={section}" for section in sections),
            *([] if jobs == 1 or self.content.path is None else [f"--jobs={jobs}"]),  # it cannot share a pipe
            *([] if self.tablespaces else ["--no-tablespaces"]),
            *([] if self.owners else ["--no-owner"]),
            f"--dbname={text}",
        ]

    def _settings(self, jobs: int) -> Sequence[str]:
        settings = (
            ("default_transaction_read_only", "off"),
            ("synchronous_commit", "off"),
            *build_settings(self.target, jobs),
        )
        return [f"-c {name}={value}" for name, value in settings]


def build_settings(target: DatabaseTarget, jobs: int) -> tuple[tuple[str, str], ...]:
    """What speeds up the building of indexes by ``jobs`` sessions; nothing for a server whose memory we cannot see."""
    memory = maintenance_memory(jobs) if is_local(target) else None
    return () if memory is None else (("maintenance_work_mem", f"{memory // 1024}kB"),)


def remaining_entries(toc: Sequence[TocEntry], taken: Collection[int]) -> list[tuple[TocEntry, ...]]:
    """What is left of post-data without the ``taken`` entries, in one or two parts: event triggers come last of all.

    pg_restore makes them before it refreshes materialised views, and they would see that.
    """
    section = "pre-data"
    left: list[TocEntry] = []
    for entry in toc:
        section = section if entry.section == "none" else entry.section
        if section == "post-data" and entry.id not in taken:
            left.append(entry)
    last = [entry for entry in left if _is_of_event_trigger(entry)]
    first = [entry for entry in left if not _is_of_event_trigger(entry)]
    return [_with_section_first(part) for part in (first, last) if part]


def _is_of_event_trigger(entry: TocEntry) -> bool:
    return entry.kind == "EVENT TRIGGER" or (entry.section == "none" and entry.tag.startswith("EVENT TRIGGER "))


def _with_section_first(entries: Sequence[TocEntry]) -> tuple[TocEntry, ...]:
    """An order that `pg_restore --use-list` does not lose.

    Comments and privileges have no section of their own: pg_restore counts them to that of the entry listed before
    them, so none may come first.
    """
    first = next((position for position, entry in enumerate(entries) if entry.section != "none"), 0)
    return (*entries[first : first + 1], *entries[:first], *entries[first + 1 :])


def is_local(target: DatabaseTarget) -> bool:
    """Whether the server is surely on this machine."""
    parameters = connection_parameters(target.conninfo, key="the target")
    host = parameters.get("host") or target.environment.get("PGHOST") or ""
    return host.startswith("/") or host in ("localhost", "127.0.0.1", "::1")


def maintenance_memory(jobs: int) -> int | None:
    """Bytes that each of ``jobs`` index builds may use: a quarter of what is available, shared, at most 1 GB each."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    available = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    if available is None:
        return None
    return max(16 * 1024 * 1024, min(MEMORY_LIMIT, available // MEMORY_SHARE // max(1, jobs)))


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", r"\\").replace("'", r"\'") + "'"
