"""The runbook for the day on which nothing works: to be printed and kept on paper, so it names everything it can.

`python -m pantry_tui.guide.runbook > DISASTER_RECOVERY.md` writes the one that names nothing in particular.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pantry_tui.config import Config
from pantry_tui.config.settings import DatabaseSettings
from pantry_tui.escaping import escape
from pantry_tui.guide.happened import first_aid, label
from pantry_tui.guide.words import age, counted, moment, size, span
from pantry_tui.models import BackupFormat, BackupSummary, Compression, Incident

BLANK = "______________________"

_SCENARIOS = (
    (Incident.ROWS, "recovery execute latest -d {database} -s append -t SCHEMA.TABLE --dry-run"),
    (Incident.TABLES, "recovery execute latest -d {database} -t SCHEMA.TABLE"),
    (Incident.MIGRATION, "recovery execute ID -d {database}"),
    (Incident.CORRUPTED, "recovery execute latest -d {database}"),
    (Incident.SERVER_LOST, "recovery execute latest --target postgresql://ADMIN@NEWSERVER/{database} --create-roles"),
    (Incident.TAMPERED, "recovery execute ID --target {database}_restored"),
    (Incident.DISASTER, "recover --from /PATH/TO/THE/COPY"),
)


@dataclass(frozen=True, kw_only=True)
class DatabasePage:
    """What the runbook says of one database. ``newest``: its newest backup that could serve; ``proven``: the time that the
    last restore of it took, as measured."""

    name: str
    settings: DatabaseSettings
    newest: BackupSummary | None = None
    proven_seconds: float | None = None
    schedules: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunbookFacts:
    """What the runbook is made from; ``now`` None: it is about no host in particular."""

    host: str = BLANK
    now: datetime | None = None
    data_directory: str = "DATA_DIR"
    configuration: str | None = None
    repositories: tuple[tuple[str, str], ...] = (("local", "/var/backups/pantry"),)
    contacts: tuple[str, ...] = ()
    databases: tuple[DatabasePage, ...] = field(
        default_factory=lambda: (DatabasePage(name="crm", settings=DatabaseSettings()),)
    )


def runbook(facts: RunbookFacts) -> str:
    """The whole runbook in Markdown, ending with a line's end."""
    parts = [
        _head(facts),
        _first(facts),
        _contacts(facts),
        _where(facts),
        *(_database(page, facts) for page in facts.databases),
        _by_wizard(),
        _by_commands(facts),
        _without(facts),
        _drills(facts),
        _afterwards(),
    ]
    return "\n\n".join(parts) + "\n"


def _head(facts: RunbookFacts) -> str:
    head = """# Disaster recovery

For the person who stands in front of a database that is gone. Read the first section now, the rest when you need it."""
    if facts.now is None:
        return head
    return f"{head}\n\nOf {escape(facts.host)}, printed {moment(facts.now)}. Print it again when it has changed."


def _first(facts: RunbookFacts) -> str:
    return """## First

1. Take a breath. Backups are files; nothing below changes anything before you have seen what it would do.
2. Stop what makes it worse: the application, a script, a person. Note the time.
3. Do not delete anything, do not restart the server again and again, do not run `VACUUM FULL` or `REINDEX`.
4. Tell the people below. Then: `pantry-tui recover`, or `pantry-tui recover --plain` on a terminal that can do nothing."""


def _contacts(facts: RunbookFacts) -> str:
    names = [*(escape(name) for name in facts.contacts), *([BLANK] * max(0, 3 - len(facts.contacts)))]
    rows = "\n".join(f"| {number}. | {name} | {BLANK} | {BLANK} |" for number, name in enumerate(names, 1))
    return (
        "## Who is told\n\nThe next one, when nobody answers within a quarter of an hour.\n\n"
        f"| | name | telephone | what they decide |\n| --- | --- | --- | --- |\n{rows}\n\n"
        f"Where the identity (key) of the backups is kept, and who may fetch it: {BLANK}"
    )


def _where(facts: RunbookFacts) -> str:
    lines = [f"* repository `{escape(name)}`: `{escape(place)}`" for name, place in facts.repositories]
    lines.append(
        f"* data directory: `{escape(facts.data_directory)}`; configuration: `{escape(facts.configuration or 'none')}`"
    )
    return "## Where everything is\n\n" + "\n".join(lines)


def _database(page: DatabasePage, facts: RunbookFacts) -> str:
    settings = page.settings
    allowed = f"back within {span(settings.rto_seconds)}, at most {span(settings.rpo_seconds)} of work lost"
    lines = [
        f"* tier **{settings.tier}**: {allowed}",
        f"* measured: {_measured(page)}",
        f"* schedules: {'; '.join(map(escape, page.schedules)) or 'none is known here'}",
    ]
    if page.newest is not None and facts.now is not None:
        newest = page.newest
        lines.append(
            f"* newest backup: `{escape(newest.id)}`, {age(newest.started_at, facts.now)} old, "
            f"{counted(newest.rows, 'row')}, {size(newest.bytes)}, in `{escape(newest.path)}`"
        )
    elif facts.now is not None:
        lines.append("* newest backup: **there is none**")
    return f"## Database {escape(page.name)}\n\n" + "\n".join(lines)


def _measured(page: DatabasePage) -> str:
    if page.proven_seconds is None:
        return "never; `pantry-tui recovery drill` measures it"
    verdict = "within" if page.proven_seconds <= page.settings.rto_seconds else "**longer than**"
    return f"the last rehearsed restore took {span(page.proven_seconds)}, {verdict} what is allowed"


def _by_wizard() -> str:
    aid = [f"**{label(incident)}.** {' '.join(first_aid(incident))}" for incident, _ in _SCENARIOS]
    head = """## By the wizard

`pantry-tui`, then `R`; or `pantry-tui recover`. Its steps: what happened, assess, choose the backup, scope, plan, rehearse,
confirm, execute, verify, finish. `esc` goes back, `l` leaves it as it stands; it goes on where it stood, also from another
terminal."""
    return "\n\n".join([head, *aid])


def _by_commands(facts: RunbookFacts) -> str:
    name = shlex.quote(escape(facts.databases[0].name)) if facts.databases else "DATABASE"
    cases = [f"# {label(incident)}\npantry-tui {command.format(database=name)}" for incident, command in _SCENARIOS]
    listed = "\n\n".join([*cases, "# to undo it\npantry-tui recovery rollback RECOVERY"])
    return f"""## By commands

Look first:

```sh
pantry-tui backup list
pantry-tui backup validate latest
pantry-tui recovery plan latest
```

Then, for each case; `--dry-run` shows the effect and takes it back, and every one of them can be undone:

```sh
{listed}
```"""


def _without(facts: RunbookFacts) -> str:
    return f"""## Without this program

A backup is made of plain files; any machine with PostgreSQL's own programs restores it. In its directory:

```sh
{stock_commands(_example(facts))}
```

Of an encrypted backup every file ends in `.age`: put `age -d -i IDENTITY FILE.age |` in front. An incremental one needs its
base: docs/incremental.md has the script. Settings of the database and its privileges are in `archive.dump`."""


def _example(facts: RunbookFacts) -> BackupSummary | None:
    return next((page.newest for page in facts.databases if page.newest is not None), None)


def stock_commands(backup: BackupSummary | None, *, database: str = "restored") -> str:
    """The shell commands that restore a full backup of format sql into a new database, with PostgreSQL's programs alone."""
    packed = backup.compression if backup is not None and backup.format is BackupFormat.SQL else Compression.GZIP
    unpack, ending = {
        Compression.GZIP: ("gunzip -c", ".sql.gz"),
        Compression.ZSTD: ("zstd -dc", ".sql.zst"),
        Compression.NONE: ("cat", ".sql"),
    }[packed]
    document = f"*{ending}" if packed is not Compression.NONE else '"$(ls *.sql | grep -vx globals.sql)"'
    return "\n".join(
        (
            f"createdb -T template0 {shlex.quote(database)}",
            "psql -X -d postgres -f globals.sql          # on a new server: roles first; those that are there say so",
            f"{unpack} {document} | psql -X -q -v ON_ERROR_STOP=1 -d {shlex.quote(database)}",
            f"psql -X -d {shlex.quote(database)} -c ANALYZE",
            f"{unpack} {document} | tail -n 1          # -- pantry-tui: end of backup …: it was whole",
        )
    )


def _drills(facts: RunbookFacts) -> str:
    rows = "\n".join(f"| {when} | {what} | {BLANK} |" for when, what in _CALENDAR)
    return f"""## Drills

A backup that was never restored is a hope. `pantry-tui recovery drill` restores the latest one of each database into a
throw-away server, compares and times it.

| when | what | last done |
| --- | --- | --- |
{rows}"""


_CALENDAR = (
    ("each month", "`pantry-tui recovery drill`, by a schedule"),
    ("each quarter", "a person walks through the wizard: *Nothing: this is a rehearsal*"),
    ("each half year", "from the off-site copy, on another machine, with this page and nothing else"),
    ("each year", "without this program, by the commands above"),
)


def _afterwards() -> str:
    return """## Afterwards

* Now: start the application; look whether it works; tell people.
* Within 2 hours: say what was lost, from when to when; take a new full backup: `pantry-tui backup create -n after-recovery`.
* Within 24 hours: look at `pantry-tui monitor health`; when nobody needs the way back, let go of it:
  `pantry-tui recovery release RECOVERY`.
* Within a week: write down what happened, with `pantry-tui recovery show RECOVERY --report`; change what let it happen;
  rehearse again."""


def facts_of(
    config: Config,
    *,
    host: str,
    now: datetime,
    backups: Sequence[BackupSummary],
    recovery_seconds: dict[str, float],
    schedules: dict[str, tuple[str, ...]],
) -> RunbookFacts:
    """The facts of this host. ``recovery_seconds`` and ``schedules`` are by database."""
    names = list(config.databases) or sorted({backup.database for backup in backups})
    pages = tuple(
        DatabasePage(
            name=name,
            settings=config.databases.get(name, DatabaseSettings()),
            newest=_newest(backup for backup in backups if backup.database == name),
            proven_seconds=recovery_seconds.get(name),
            schedules=schedules.get(name, ()),
        )
        for name in names
    )
    return RunbookFacts(
        host=host,
        now=now,
        data_directory=config.data_directory,
        configuration=config.path,
        repositories=tuple((name, config.repository_target(name).location) for name in config.repositories),
        contacts=config.monitoring.contacts,
        databases=pages,
    )


def _newest(backups: Iterable[BackupSummary]) -> BackupSummary | None:
    serving = [backup for backup in backups if backup.is_whole and backup.valid is not False]
    return max(serving, key=lambda backup: backup.started_at, default=None)


if __name__ == "__main__":
    sys.stdout.write(runbook(RunbookFacts()))
