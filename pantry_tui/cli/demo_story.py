"""What the demo did, told step by step: as sentences while it happens, or as one document at the end."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from typing import Any

from pantry_tui.cli.output import count, duration, print_document, print_line, size
from pantry_tui.cli.progress import ProgressPrinter
from pantry_tui.cli.streams import flush
from pantry_tui.demo.session import DATABASE, REHEARSAL, DemoSession
from pantry_tui.errors import JobError
from pantry_tui.events import Event, Failed, Finished
from pantry_tui.models import BackupSummary, JobRequest, RestoreResult, ValidationResult
from pantry_tui.postgres.connect import connect
from pantry_tui.runner.client import RunnerClient


class Story:
    """Tells each step with its time; with `--json` keeps quiet and prints the whole at the end."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._json: bool = args.json
        self._printer = ProgressPrinter(quiet=args.quiet or not sys.stderr.isatty())
        self._number = 0
        self._document: dict[str, Any] = {"steps": []}

    def listener(self, event: Event) -> None:
        """Shows progress on a terminal."""
        self._printer(event)

    async def follow(self, client: RunnerClient, request: JobRequest) -> dict[str, Any]:
        """Has the runner do ``request``; the result as builtins. Raises the job's own failure."""
        job = await client.submit(request)
        with closing(self._printer):
            async for event in client.job_events(job.id):
                self._printer(event)
                if isinstance(event, Finished):
                    return event.result
                if isinstance(event, Failed):
                    raise event.failure.as_error()
        raise JobError(f"job {job.id} went silent before it ended", remedy="run the demo again")

    def server_started(self, session: DemoSession, seconds: float) -> None:
        """A server of our own."""
        number = session.server.version_num
        version = f"{number // 10_000}.{number % 10_000}"
        self._document["server"] = {
            "version": version,
            "socket_directory": str(session.server.socket_directory),
            "client_tools": session.server.client_tools,
        }
        self._tell(
            f"Started a private PostgreSQL {version}",
            seconds,
            f"It listens on a socket in {session.server.socket_directory} and on no network.",
        )

    async def crm_created(self, session: DemoSession, seconds: float, *, created: bool) -> None:
        """A database as a food-service agency has it."""
        self._printer.close()
        async with await connect(session.server.target(DATABASE), application="demo") as connection:
            cursor = await connection.execute(
                "SELECT (SELECT count(*) FROM pg_catalog.pg_class WHERE relkind = 'r'"
                " AND relnamespace = 'public'::pg_catalog.regnamespace),"
                " pg_catalog.pg_database_size(current_database())"
            )
            tables, stored = await cursor.fetchone() or (0, 0)
        self._document["database"] = {"name": DATABASE, "tables": tables, "bytes": stored, "created": created}
        self._tell(
            f'Created the sample CRM, database "{DATABASE}"' if created else f'Found the sample CRM "{DATABASE}" again',
            seconds,
            f"{tables} tables, {size(stored)} on disk. Nobody in it exists.",
        )

    def backed_up(self, backup: BackupSummary) -> None:
        """The first backup."""
        self._document["backup"] = backup
        self._tell(
            "Took a full backup",
            backup.duration_seconds,
            f"{count(backup.rows)} rows of {backup.tables} tables: {size(backup.raw_bytes)} as text,"
            f" {size(backup.bytes)} stored.",
            f"{backup.id}",
        )

    def validated(self, validation: ValidationResult) -> None:
        """It can be read."""
        self._document["validation"] = validation
        finding = "everything is as it was written" if validation.valid else "; ".join(validation.problems)
        self._tell(
            "Validated it",
            validation.duration_seconds,
            f"Read back {size(validation.bytes_read)} and counted {count(validation.rows)} rows: {finding}.",
        )

    def restored(self, result: RestoreResult) -> None:
        """It can be restored, and the result is the same."""
        self._document["restore"] = result
        rows = sum(table.inserted for table in result.tables)
        self._tell(
            f'Restored it into a new database, "{REHEARSAL}"',
            result.duration_seconds,
            f"{count(rows)} rows in {len(result.tables)} tables, with indexes, constraints, triggers and policies.",
        )
        found = result.validation
        by_content = sum(table.verified in ("fingerprint", "text") for table in result.tables)
        self._tell(
            "Compared it with the backup",
            result.verification_seconds,
            f"{by_content} of {found.tables_compared} tables by content, {found.constraints_validated} constraints,"
            f" {found.sequences_compared} sequences: {'all equal' if found.equal else 'DIFFERENT'}.",
        )

    def ended(self, session: DemoSession) -> None:
        """What is left of it all."""
        self._document["kept"] = str(session.directory) if session.kept else None
        if self._json:
            print_document(self._document)
        elif session.kept:
            print_line(f"The server is stopped. Everything else is kept in {session.directory};")
            print_line(f"`pantry-tui demo --keep {session.directory}` opens it again.")
        else:
            print_line("Stopped the server and removed everything.")

    def _tell(self, headline: str, seconds: float, *figures: str) -> None:
        self._number += 1
        self._document["steps"].append({"step": headline, "seconds": round(seconds, 3)})
        if not self._json:
            print_line(f"{self._number}. {headline} ({duration(seconds)})")
            for line in figures:
                print_line(f"   {line}")
            flush()  # a step is told when it is done, through a pipe too
