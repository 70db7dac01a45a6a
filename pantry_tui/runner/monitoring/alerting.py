"""The alerts of a data directory: what happens is taken in, written down, shown and told."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.config import Config
from pantry_tui.errors import NotFoundError, PantryError, RefusedError, StorageError
from pantry_tui.events import AlertChanged, RunEnded, RunnerEvent
from pantry_tui.models import Alert, AlertState, Health, Job, JobState
from pantry_tui.monitoring import alerts as rules
from pantry_tui.monitoring.alerts import Step
from pantry_tui.monitoring.ordering import open_alerts
from pantry_tui.monitoring.troubles import Sighting, Trouble, sighted, sighted_event, sighted_job
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.monitoring.telling import AlertTeller

_WHO = "runner"


class AlertDesk:
    """Opens, updates and resolves alerts. Everything here happens on the runner's event loop.

    ``stays``: the runner stays, and so tells people by itself; else they are told only of what somebody asks for.
    """

    def __init__(
        self,
        catalog: Catalog,
        audit: AuditTrail,
        teller: AlertTeller,
        publish: Callable[[RunnerEvent], None],
        configuration: Callable[[], Config],
        now: Callable[[], datetime],
        *,
        stays: bool,
    ) -> None:
        self._catalog = catalog
        self._audit = audit
        self._teller = teller
        self._publish = publish
        self._configuration = configuration
        self._now = now
        self._stays = stays
        self._unsaved: dict[str, Alert] = {}  # while the disk takes none
        self.health: Health | None = None  # the last one, which severities go by

    def alerts(self, *, resolved: bool = False) -> list[Alert]:
        """Those that are open, the worst first; with ``resolved`` all that are kept, those opened last first."""
        return self._all() if resolved else open_alerts(self._all())

    def take_health(self, health: Health, *, notify: bool | None = None) -> None:
        """Takes in what a health run saw. ``notify``: whether people are told; None: as the runner does."""
        self.health = health
        tells = self._stays if notify is None else notify
        jobs = [job for job in self._catalog.jobs() if not self._is_tried_again(job)]
        self._take(sighted(health, jobs), tells=tells)
        if tells:
            self.escalate()
        self._prune()

    def job_ended(self, job: Job) -> None:
        """Hears that a job is over; of one that its schedule may try again, the end of the run will tell."""
        with contextlib.suppress(PantryError):  # what keeps alerts from being read keeps no job from ending
            if job.state is JobState.SUCCEEDED or not self._is_tried_again(job):
                self._take(sighted_job(job, self.health), tells=self._stays)

    def hear(self, event: RunnerEvent) -> None:
        """Hears what the scheduler and the post office tell."""
        with contextlib.suppress(PantryError):
            self._take(sighted_event(event), tells=self._stays)
            if isinstance(event, RunEnded) and not event.run.is_open:
                for job_id in event.run.job_ids:
                    self._take(sighted_job(self._catalog.job(job_id), self.health), tells=self._stays)

    def escalate(self) -> datetime | None:
        """Tells the next contacts whose time has come, and says when there are others; None: as things are, never."""
        with contextlib.suppress(PantryError):  # a configuration in disorder is told by others
            ladder = self._teller.ladder()
            self._apply(rules.escalated(self._all(), self._now(), ladder))
            due = (rules.escalation_due(alert, ladder) for alert in self._all())
            return min((moment for moment in due if moment is not None), default=None)
        return None

    def acknowledge(self, reference: str, who: str) -> Alert:
        """Somebody takes care of an alert. Raises `NotFoundError`, `RefusedError` for one that is resolved."""
        return self._change("alert.acknowledge", self._live(reference), who, rules.acknowledged)

    def resolve(self, reference: str, who: str) -> Alert:
        """Somebody says that it is over. Raises as `acknowledge` does."""
        return self._change("alert.resolve", self._live(reference), who, rules.resolved)

    def _is_tried_again(self, job: Job) -> bool:
        """Whether it is of a run that has not come to its end."""
        if job.schedule is None or job.due_at is None:
            return False
        run = self._catalog.run((job.schedule, job.due_at))
        return run is not None and run.is_open

    def _change(self, action: str, alert: Alert, who: str, change: Callable[[Alert, str, datetime], Alert]) -> Alert:
        changed = change(alert, who, self._now())
        self._audit.append(who, action, alert.id, "accepted", {"summary": alert.summary})
        self._catalog.change_alerts([changed])
        self._publish(AlertChanged(alert=changed))
        self._take(Sighting(), tells=self._stays)  # what it explained has no root any more
        return changed

    def _live(self, reference: str) -> Alert:
        alert = self._find(reference)
        if alert.state is AlertState.RESOLVED:
            raise RefusedError(
                f"alert {alert.id} is resolved already", remedy="see the others: pantry-tui monitor alerts"
            )
        return alert

    def _find(self, reference: str) -> Alert:
        """By its id, or the beginning or end of just one."""
        found = self._all()
        exact = [alert for alert in found if alert.id == reference]
        near = [
            alert for alert in found if reference and (alert.id.startswith(reference) or alert.id.endswith(reference))
        ]
        if len(exact or near) != 1:
            several = "several alerts are" if near else "there is no alert"
            raise NotFoundError(
                f"{several} called {reference[:80]!r}", remedy="list them with: pantry-tui monitor alerts --all"
            )
        return (exact or near)[0]

    def _take(self, sighting: Sighting, *, tells: bool) -> None:
        self._apply(rules.step(self._all(), sighting, self._now(), self._new_id, tells=tells))

    def _all(self) -> list[Alert]:
        """Every alert that is kept, those opened last first."""
        found = {alert.id: alert for alert in self._catalog.alerts()} | self._unsaved
        return sorted(found.values(), key=lambda alert: (alert.opened_at, alert.id), reverse=True)

    def _apply(self, step: Step) -> None:
        """Writes down, shows and tells. What finds no room on the disk is kept in memory, and told all the same."""
        self._unsaved |= {alert.id: alert for alert in step.changed}
        if self._unsaved:
            with contextlib.suppress(StorageError):
                self._catalog.change_alerts(self._unsaved.values())
                self._unsaved = {}
        for alert in step.changed:
            self._publish(AlertChanged(alert=alert))
        for message in step.messages:
            details = {"summary": message.alert.summary, "severity": message.alert.severity.value}
            self._audit.note(_WHO, "alert", message.alert.id, message.kind.value, details)
        self._teller.tell(step.messages)

    def _prune(self) -> None:
        with contextlib.suppress(PantryError):  # tomorrow is another day
            days = self._configuration().monitoring.alerts_retention_days
            self._catalog.prune_alerts(self._now() - timedelta(days=days))

    def _new_id(self, trouble: Trouble) -> str:
        return f"{self._now():%Y%m%dT%H%M%SZ}-{trouble.type.value.replace('_', '-')}-{secrets.token_hex(2)}"
