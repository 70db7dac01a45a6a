"""A restored database takes the place of the one that is there: what that one had is carried over, then names are exchanged."""

from __future__ import annotations

from typing import NamedTuple

import psycopg

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.config.targets import target_with_database
from pantry_tui.errors import PantryError
from pantry_tui.models import RestoreRequest, utc_now
from pantry_tui.postgres.connect import server_error
from pantry_tui.recovery.activity import Activity, Totals, activity_of, totals_of, written_last
from pantry_tui.recovery.committing import UNKNOWN, to_the_end
from pantry_tui.recovery.database import RestoreDatabase, drop_database, maintenance_session
from pantry_tui.recovery.kept import KeptDatabase, comment_of, kept_name
from pantry_tui.recovery.plan import RestorePlan
from pantry_tui.recovery.progress import RestoreProgress
from pantry_tui.recovery.properties import carry_over, database_statements, live_entries, take_owner
from pantry_tui.recovery.swap import as_still_there, exchange_names


class Exchanging(NamedTuple):
    """One exchange. ``began``: what had been written in the database that is there when the recovery began."""

    request: RestoreRequest
    manifest: Manifest
    recovery_id: str
    began: Activity
    progress: RestoreProgress

    async def run(self, plan: RestorePlan, database: RestoreDatabase) -> str | None:
        """Returns the name under which the earlier database is kept; None: it is not.

        Raises `RestoreError`: the earlier database is as it was then, and the restored one is there under its working name.
        """
        kept = kept_name(database.name, self.recovery_id)
        try:
            record, totals, too_late = await self._exchange(plan, database, kept)
        except psycopg.Error as error:
            failed = server_error(error, doing=f"exchanging database {database.name}")
            raise as_still_there(failed, database.name, database.working_name) from error
        except PantryError as error:
            if error.message == UNKNOWN:  # then nothing can be said of either database
                raise
            raise as_still_there(error, database.name, database.working_name) from error
        self.progress.committed(self.recovery_id if self.request.checkpoint else None, too_late=too_late)
        ended = await to_the_end(self._follow(database.name, kept, record, totals))
        if ended.too_late:
            self.progress.late()
        return ended.result

    async def _exchange(
        self, plan: RestorePlan, database: RestoreDatabase, kept: str
    ) -> tuple[KeptDatabase, Totals, bool]:
        await self._carry_over(plan, database)
        record, totals = await self._record(database)
        too_late = await exchange_names(
            self.request.target, name=database.name, kept=kept, coming=database.working_name, record=record
        )
        return record, totals, too_late

    async def _follow(self, name: str, kept: str, record: KeptDatabase, totals: Totals) -> str | None:
        """What is left to do when the names are exchanged; that stays so, whatever fails here."""
        keeps = self.request.checkpoint
        written = record.own_activity.since(self.began)
        if written is not None:
            place = f"now only in {kept}" if keeps else "gone with it"
            self.progress.warn(f"written to {name} while the recovery was at work, and {place}: {written}")
        try:
            late = await written_last(self.request.target, name, kept, totals)
            if late is not None:
                self.progress.warn(late)
            if keeps or late is not None:
                return kept
            async with await maintenance_session(self.request.target) as connection:
                await drop_database(connection, kept)
        except (PantryError, psycopg.Error) as error:
            self.progress.warn(
                f"the names are exchanged, and the earlier database could not be "
                f"{'looked at' if keeps else 'dropped'}: it is kept as {kept} ({error})"
            )
            return kept
        return None

    async def _carry_over(self, plan: RestorePlan, database: RestoreDatabase) -> None:
        """Gives the restored database the owner, settings, privileges and comment of the one that is there."""
        old = target_with_database(self.request.target, database.name)
        entries = await live_entries(old, plan.tools, self.manifest.source.encoding)
        statements = database_statements(entries, database.working_name)
        shown = database_statements(entries, database.name)
        async with await maintenance_session(self.request.target) as connection:
            told = await carry_over(connection, statements, shown)
            for line in [*told, *await take_owner(connection, database.name, database.working_name)]:
                self.progress.warn(line)

    async def _record(self, database: RestoreDatabase) -> tuple[KeptDatabase, Totals]:
        async with await maintenance_session(self.request.target) as connection:
            comment = await comment_of(connection, database.name)
            totals = await totals_of(connection, database.name)  # before what is compared with them
        record = KeptDatabase(
            recovery_id=self.recovery_id,
            backup_id=self.manifest.id,
            name=database.name,
            comment=comment,
            taken_at=utc_now(),
            own_activity=await activity_of(target_with_database(self.request.target, database.name)),
            activity=await activity_of(database.target),
        )
        return record, totals
