"""What happened? The answer shapes everything that follows."""

from __future__ import annotations

from pantry_tui.guide.case import Case
from pantry_tui.guide.view import Line, Option, Tone, View
from pantry_tui.models import Incident

_ANSWERS: tuple[tuple[Incident, str, str], ...] = (
    (
        Incident.ROWS,
        "Rows were deleted or changed by mistake",
        "Only those rows come back; everything that was written since stays.",
    ),
    (
        Incident.TABLES,
        "A table is gone, or what is in it is wrong",
        "The table comes back as it was; other tables are not touched.",
    ),
    (Incident.MIGRATION, "A migration went wrong", "The database goes back to what it was before the migration."),
    (
        Incident.CORRUPTED,
        "The whole database is corrupted or wrong",
        "It is restored beside the one that is there, compared, and exchanged for it. The old one is kept.",
    ),
    (Incident.SERVER_LOST, "The server is lost", "The database is made whole on a new server: roles, rows, settings."),
    (
        Incident.TAMPERED,
        "Somebody may have tampered with it, or encrypted it",
        "Only backups from before the moment that you name, verified now, into a new database that you can look at.",
    ),
    (Incident.DISASTER, "The site is lost", "From a copy that was somewhere else, on another server."),
    (Incident.REHEARSAL, "Nothing: this is a rehearsal", "The same steps into a new database; yours is not touched."),
)
_FIRST_AID: dict[Incident, tuple[str, ...]] = {
    Incident.ROWS: ("Stop whoever or whatever is deleting. Nothing else has to be stopped.",),
    Incident.TABLES: ("Stop what writes to the table, if you can. Tell those who use it.",),
    Incident.MIGRATION: (
        "Stop the application: every write from now on is lost when the database goes back.",
        "Keep the migration's log. Do not run it again before you know why.",
    ),
    Incident.CORRUPTED: (
        "Stop the application. Do not run REINDEX or VACUUM: they can make it worse.",
        "Keep the server's log; copy the data directory if you can.",
    ),
    Incident.SERVER_LOST: ("Have the address of the new server, and a role that may create databases.",),
    Incident.TAMPERED: (
        "Disconnect the machine; do not switch it off. Change passwords from another one.",
        "Keep evidence: logs, copies. Tell those who must be told.",
        "Do not restore onto the machine that was entered.",
    ),
    Incident.DISASTER: ("People first. Then: another server, the identity of your backups, the address of the copy.",),
    Incident.REHEARSAL: ("Nothing has to be stopped. Note how long it takes: that is your real recovery time.",),
}


def first_aid(incident: Incident) -> tuple[str, ...]:
    """What to do outside this program, now."""
    return _FIRST_AID[incident]


def view(case: Case) -> View:
    """The question."""
    options = tuple(
        Option(key=incident, label=label, detail=detail, recommended=incident is Incident.ROWS)
        for incident, label, detail in _ANSWERS
    )
    return View(
        question="What happened?",
        lines=(
            Line("Take a breath. Nothing is changed before you have seen what it would do.", Tone.STRONG),
            Line("Choose what comes closest; you can come back to every question.", Tone.MUTED),
        ),
        options=options,
    )


def label(incident: Incident) -> str:
    """The answer in words."""
    return next(words for each, words, _ in _ANSWERS if each is incident)


def view_databases(case: Case, names: list[str]) -> View:
    """Which database, where there are several."""
    newest = {
        name: max((each.started_at for each in case.backups if each.database == name), default=None) for name in names
    }
    options = tuple(
        Option(
            key=name,
            label=name,
            detail="it has no backup" if newest[name] is None else "",
            recommended=name == (case.state.database or case.config.default_database),
        )
        for name in names
    )
    return View(question="Which database?", options=options)
