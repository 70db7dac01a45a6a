"""`[monitoring]`: when health is looked at, what counts as good, and who is told of what is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from pantry_tui.config.notifying import check_names
from pantry_tui.errors import ConfigError
from pantry_tui.models import AlertType, Model

_Minutes = Annotated[float, Meta(ge=1, le=100_000, description="a number of minutes from 1 to 100000")]
_Hours = Annotated[float, Meta(gt=0, le=100_000, description="a number of hours above 0, at most 100000")]
_Days = Annotated[int, Meta(ge=1, le=36500, description="a whole number of days from 1 to 36500")]
_Share = Annotated[float, Meta(ge=0, le=1, description="a share from 0 to 1")]
_TextFile = Annotated[
    str, Meta(pattern=r"\.prom$", description="a file that ends in .prom: an absolute path, or one below ~/")
]
_Names = Annotated[tuple[str, ...], Meta(description='a list of names of [notifications.NAME]: ["ops", "phone"]')]

_HOUR, _MINUTE, _DAY, _GIGABYTE = 3600.0, 60.0, 86400.0, 10**9


class Thresholds(Model, frozen=True, kw_only=True):
    """What counts as good.

    ``max_backup_age`` in hours, to which the last duration and ``grace`` (minutes) are added; ``min_disk_days``: until the
    disk is full; ``max_backup_time`` in minutes; ``min_compression_ratio``: what is saved, 1 − stored / raw; ``max_shrink``:
    how much fewer rows, or bytes, than the backups before; ``max_proof_age`` in days.
    """

    max_backup_age: _Hours = 24.0
    grace: Annotated[float, Meta(ge=0, le=100_000, description="a number of minutes from 0 to 100000")] = 30.0
    min_disk_space_gb: Annotated[float, Meta(ge=0, description="a number of GB (10⁹ bytes), 0 or more")] = 10.0
    min_disk_days: _Days = 7
    max_backup_time: _Minutes = 60.0
    min_compression_ratio: _Share = 0.5
    max_failure_rate: _Share = 0.1
    max_shrink: _Share = 0.2
    max_proof_age: _Days = 35

    @property
    def age_seconds(self) -> float:
        """How old the newest backup may be, but for what is added."""
        return self.max_backup_age * _HOUR

    @property
    def grace_seconds(self) -> float:
        """How much later than reckoned something may be."""
        return self.grace * _MINUTE

    @property
    def free_bytes(self) -> float:
        """How much room there must be."""
        return self.min_disk_space_gb * _GIGABYTE

    @property
    def backup_seconds(self) -> float:
        """How long a backup may take."""
        return self.max_backup_time * _MINUTE

    @property
    def proof_seconds(self) -> float:
        """How old the last proof may be."""
        return self.max_proof_age * _DAY


class AlertSettings(Model, frozen=True, kw_only=True):
    """One `[monitoring.alerts.TYPE]`: who is told of alerts of that type, one after the other, and after how long."""

    contacts: _Names | None = None  # None: those of [monitoring]
    escalate_after: _Minutes | None = None  # None: as the type has it


class MonitoringSettings(Model, frozen=True, kw_only=True):
    """How the databases are watched. ``health_check_interval`` in minutes.

    ``contacts``: the first is told of an alert, each that follows when nobody has acknowledged it for a while; without
    any those are told whom [notify] or the database names in on_failure. ``revalidate``: read backups back that were not
    for ``revalidate_days``.
    ``textfile``: where the metrics are put for Prometheus's node_exporter.
    """

    health_check_interval: _Minutes = 30.0
    metrics_retention_days: _Days = 90
    alerts_retention_days: _Days = 30
    textfile: _TextFile | None = None
    revalidate: Annotated[bool, Meta(description="true or false")] = True
    revalidate_days: _Days = 7
    contacts: _Names = ()
    thresholds: Annotated[Thresholds, Meta(description="a table of its own, see below")] = Thresholds()
    alerts: Annotated[dict[str, AlertSettings], Meta(description="tables of their own, see below")] = msgspec.field(
        default_factory=dict
    )

    @property
    def interval_seconds(self) -> float:
        """How often health is looked at."""
        return self.health_check_interval * _MINUTE

    @property
    def revalidation_seconds(self) -> float:
        """How long ago a backup may have been read back."""
        return self.revalidate_days * _DAY

    def contacts_for(self, kind: AlertType) -> tuple[str, ...]:
        """Who is told of alerts of that type, in order; none: whoever is told of failures."""
        own = self.alerts.get(kind.value)
        return own.contacts if own is not None and own.contacts is not None else self.contacts

    def escalation_seconds(self, kind: AlertType) -> float | None:
        """After how long the next contact is told; None: as the type has it."""
        own = self.alerts.get(kind.value)
        return own.escalate_after * _MINUTE if own is not None and own.escalate_after is not None else None


def check_monitoring(settings: MonitoringSettings, notifications: Mapping[str, object], *, file: str) -> None:
    """Raises `ConfigError` for contacts that nobody has configured, and for alerts that there are not."""
    check_names(settings.contacts, notifications, key="monitoring.contacts", file=file)
    known = [kind.value for kind in AlertType]
    for name, own in settings.alerts.items():
        if name not in known:
            raise ConfigError(
                f"{file}: [monitoring.alerts.{name}] is of no type of alert", remedy=f"The types: {', '.join(known)}."
            )
        check_names(own.contacts or (), notifications, key=f"monitoring.alerts.{name}.contacts", file=file)
