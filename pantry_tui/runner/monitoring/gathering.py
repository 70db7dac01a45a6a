"""What the runner knows of its databases: from the catalog, the schedules, and what was looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.config import Config
from pantry_tui.errors import PantryError
from pantry_tui.models import BackupSummary, Job, Model, RepositoryTarget, Schedule, ScheduleStatus
from pantry_tui.monitoring.facts import (
    ChainSeen,
    DatabaseFacts,
    FilesSeen,
    HostFacts,
    ProofSeen,
    RepositorySeen,
    ScheduleFacts,
    Seen,
    ServerSeen,
    TrailSeen,
)
from pantry_tui.monitoring.room import DATA_DIRECTORY
from pantry_tui.monitoring.usable import last_read, whole
from pantry_tui.notify.queue import NoticeQueue
from pantry_tui.runner.library import Library
from pantry_tui.runner.monitoring.kept import Kept, is_due
from pantry_tui.runner.monitoring.observing import BackupToSee, Inquiry, RepositoryToSee
from pantry_tui.runner.monitoring.watched import Watched, objectives_of, watched
from pantry_tui.schedule.gaps import longest_gap

LIST_SECONDS = 10.0  # for a repository's list; one that takes longer hangs
_RUNS = 30  # of each schedule
_BACKUP = "backup"


class Ground(Model, frozen=True, kw_only=True):
    """What is known before anything is looked at."""

    watched: Watched
    databases: tuple[DatabaseFacts, ...]
    schedules: tuple[ScheduleFacts, ...]
    host: HostFacts
    silent: tuple[str, ...]  # locations of repositories that could not be listed in time
    backups: dict[str, tuple[BackupSummary, ...]]  # by the location of their repository

    def __repr__(self) -> str:
        return f"Ground({len(self.databases)} databases)"


class Surveyor:
    """Gathers what is known.

    ``jumped``: how far the clock has jumped ahead, in seconds; ``statuses``: the schedules as they stand; ``stays``: the runner
    works them off.
    """

    def __init__(
        self,
        directory: Path,
        catalog: Catalog,
        library: Library,
        jumped: Callable[[], float],
        statuses: Callable[[], Sequence[ScheduleStatus]],
        *,
        stays: bool,
    ) -> None:
        self._directory = directory
        self._catalog = catalog
        self._library = library
        self._jumped = jumped
        self._statuses = statuses
        self._stays = stays

    async def survey(self, config: Config, now: datetime) -> Ground:
        """Everything that can be known without connecting, and without reading what is stored."""
        statuses = self._statuses()
        found = await asyncio.to_thread(watched, config, [status.schedule for status in statuses])
        listed = {target.location: await self._listed(target) for target in found.repositories}
        silent = tuple(location for location, backups in listed.items() if backups is None)
        known = {location: backups or () for location, backups in listed.items()}
        schedules = [self._schedule(status, found, now) for status in statuses]
        backups = [backup for each in known.values() for backup in each]
        jobs = [job for job in self._catalog.jobs() if job.kind == _BACKUP and job.state.is_final]
        return Ground(
            watched=found,
            databases=tuple(_database(name, config, backups, jobs, schedules, now) for name in found.names),
            schedules=tuple(schedules),
            host=self._host(statuses, await asyncio.to_thread(self._untold)),
            silent=silent,
            backups=known,
        )

    async def _listed(self, target: RepositoryTarget) -> tuple[BackupSummary, ...] | None:
        """The backups of a repository, from memory where it cannot be read; None where it hangs."""
        reading = asyncio.ensure_future(self._library.backups(target, None, None))
        done, _ = await asyncio.wait([reading], timeout=LIST_SECONDS)
        if not done:  # it goes on by itself: cancelled, it would let others into the catalog meanwhile
            reading.add_done_callback(lambda late: late.cancelled() or late.exception())
            return None
        try:
            return tuple(reading.result())
        except PantryError:  # the look at its directory tells why
            return tuple(self._catalog.backups(repository=target.location))

    def _schedule(self, status: ScheduleStatus, found: Watched, now: datetime) -> ScheduleFacts:
        schedule = status.schedule
        return ScheduleFacts(
            status=status,
            runs=tuple(self._catalog.runs(schedule.id, _RUNS)),
            databases=found.schedules.get(schedule.id, ()),
            gap_seconds=longest_gap([schedule], now) if schedule.enabled else None,
        )

    def _host(self, statuses: Sequence[ScheduleStatus], untold: tuple[str, ...]) -> HostFacts:
        return HostFacts(
            catalog_problems=tuple(self._catalog.file_problems),
            runner_stays=self._stays,
            schedules_enabled=sum(status.schedule.enabled for status in statuses),
            untold=untold,
            jumped_seconds=self._jumped(),
            unreadable=dict(self._catalog.damaged),
        )

    def _untold(self) -> tuple[str, ...]:
        try:
            waiting = NoticeQueue(self._directory).waiting()
        except PantryError as error:
            return (error.message,)
        tried = {each.receiver.name: each.problem or "" for each in waiting if each.attempts}
        return tuple(f"{name} ({problem})" for name, problem in sorted(tried.items()))

    def inquiry(self, ground: Ground, kept: Kept, now: datetime) -> Inquiry:
        """What is to be looked at: every server, the newest backups, and what was not read for long."""
        wanted: dict[str, list[BackupToSee]] = {location: [] for location in ground.backups}
        for facts in ground.databases:
            for location, backup in _to_see(facts, ground.backups, kept):
                wanted[location].append(backup)
        return Inquiry(
            data_directory=str(self._directory),
            databases=tuple(ground.watched.targets.values()),
            repositories=tuple(
                RepositoryToSee(
                    target=target,
                    backups=tuple(wanted[target.location]) if target.location not in ground.silent else (),
                    listed=len(ground.backups[target.location]),
                    chain=is_due(kept.chain(target.location), now),
                )
                for target in ground.watched.repositories
            ),
            trail=is_due(kept.trail, now),
        )


def with_seen(ground: Ground, seen: Sequence[Seen], kept: Kept) -> tuple[list[DatabaseFacts], HostFacts]:
    """The facts with what was looked at; what was not this time, and was found amiss the last time, still is."""
    earlier = [each for each in kept.files if each.problems]
    files = {
        (each.location, each.backup_id): each
        for each in (*earlier, *(each for each in seen if isinstance(each, FilesSeen)))
    }
    servers = {each.database: each for each in seen if isinstance(each, ServerSeen)}
    proofs = {each.database: each.seconds for each in seen if isinstance(each, ProofSeen)}
    chains = {each.location: each for each in (*kept.chains, *(each for each in seen if isinstance(each, ChainSeen)))}
    trails = [each for each in seen if isinstance(each, TrailSeen)]
    looked = {each.location: each for each in seen if isinstance(each, RepositorySeen)}
    databases = []
    for facts in ground.databases:
        own = {each.id for each in facts.backups}
        silent = ServerSeen(database=facts.name)
        databases.append(
            msgspec.structs.replace(
                facts,
                files=tuple(each for key, each in files.items() if key[1] in own),
                server=ground.watched.refused.get(facts.name) or servers.get(facts.name, silent),
                proof_seconds=proofs.get(facts.name),
            )
        )
    places = ground.watched.repositories
    host = msgspec.structs.replace(
        ground.host,
        data_directory=next((each for each in looked.values() if each.name == DATA_DIRECTORY), None),
        repositories=tuple(
            looked.get(place.location, RepositorySeen(name=place.name, location=place.location)) for place in places
        ),
        silent=(*ground.silent, *(place.location for place in places if place.location not in looked)),
        chains=tuple(chains[place.location] for place in places if place.location in chains),
        trail=trails[0] if trails else kept.trail,
    )
    return databases, host


def _database(
    name: str,
    config: Config,
    backups: Sequence[BackupSummary],
    jobs: Sequence[Job],
    schedules: Sequence[ScheduleFacts],
    now: datetime,
) -> DatabaseFacts:
    own = [each.status for each in schedules if name in each.databases and _keeps_up(each.status.schedule)]
    return DatabaseFacts(
        name=name,
        objectives=objectives_of(config, name),
        backups=tuple(each for each in backups if each.database == name),
        jobs=tuple(job for job in jobs if job.database == name),
        scheduled_gap_seconds=longest_gap([status.schedule for status in own], now) if own else None,
        next_run_at=min((moment for status in own for moment in status.next_runs[:1]), default=None),
    )


def _keeps_up(schedule: Schedule) -> bool:
    return schedule.enabled and schedule.backs_up_whole


def _to_see(
    facts: DatabaseFacts, backups: dict[str, tuple[BackupSummary, ...]], kept: Kept
) -> list[tuple[str, BackupToSee]]:
    """The newest backup of a database with what it builds on, and the one that was proven last."""
    places = {backup.id: location for location, listed in backups.items() for backup in listed}
    newest = whole(facts)[:1]
    files = [newest[0].id, newest[0].base] if newest else []
    proofs = [(each.proven_at, each.id) for each in facts.backups if each.proven_at is not None]
    proven = max(proofs)[1] if proofs else None
    by_id = {each.id: each for each in facts.backups}
    found = []
    for backup_id in dict.fromkeys([*files, proven]):
        if backup_id is None or backup_id not in by_id:
            continue
        location = places[backup_id]
        known = _still_counts(kept.known(location, backup_id), by_id[backup_id], kept)
        wanted = BackupToSee(
            id=backup_id, database=facts.name, known=known, files=backup_id in files, proof=backup_id == proven
        )
        found.append((location, wanted))
    return found


def _still_counts(known: FilesSeen | None, backup: BackupSummary, kept: Kept) -> FilesSeen | None:
    """The last look; not that there was too much to read, where somebody has read it since."""
    if known is None or not known.too_large or kept.health is None or last_read(backup) < kept.health.at:
        return known
    return msgspec.structs.replace(known, too_large=False)
