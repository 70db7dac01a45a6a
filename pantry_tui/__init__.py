"""Keep a PostgreSQL database recoverable: back it up, prove that the backup restores, restore it.

From Python::

    from pantry_tui import BackupConfig, BackupService, RecoveryConfig, RecoveryService

    backups = BackupService("postgresql://backup@/crm", BackupConfig(output_dir="/var/backups/pantry"))
    backup = await backups.create_full_backup("before-migration")
    recovery = RecoveryService("/var/backups/pantry")
    plan = await recovery.create_recovery_plan(RecoveryConfig(backup_id=backup.id), "postgresql://owner@/crm_rehearsal")
    result = await recovery.execute_recovery(RecoveryConfig(backup_id=backup.id), "postgresql://owner@/crm_rehearsal")

and again and again::

    from pantry_tui import BackupScheduler, ScheduleConfig

    async with BackupScheduler() as scheduler:
        await scheduler.create_schedule(ScheduleConfig(name="nightly", cron="0 2 * * *", retention_days=30))
        jobs = await scheduler.execute_schedule("nightly")

and would they survive today::

    from pantry_tui import BackupMonitoring

    async with BackupMonitoring() as monitoring:
        health = await monitoring.run_health_check()
        alerts = await monitoring.get_active_alerts()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pantry_tui.version import __version__

if TYPE_CHECKING:
    from pantry_tui.backup.api import BackupConfig as BackupConfig
    from pantry_tui.backup.api import BackupService as BackupService
    from pantry_tui.recovery.api import DrillConfig as DrillConfig
    from pantry_tui.recovery.api import RecoveryConfig as RecoveryConfig
    from pantry_tui.recovery.api import RecoveryService as RecoveryService
    from pantry_tui.runner.api import BackupScheduler as BackupScheduler
    from pantry_tui.runner.api import Notifications as Notifications
    from pantry_tui.runner.api import ScheduleConfig as ScheduleConfig
    from pantry_tui.runner.api import SchedulerConfig as SchedulerConfig
    from pantry_tui.runner.monitoring.api import BackupMonitoring as BackupMonitoring
    from pantry_tui.runner.monitoring.api import MonitoringConfig as MonitoringConfig
    from pantry_tui.runner.monitoring.api import MonitoringThresholds as MonitoringThresholds

__all__ = [
    "BackupConfig",
    "BackupMonitoring",
    "BackupScheduler",
    "BackupService",
    "DrillConfig",
    "MonitoringConfig",
    "MonitoringThresholds",
    "Notifications",
    "RecoveryConfig",
    "RecoveryService",
    "ScheduleConfig",
    "SchedulerConfig",
    "__version__",
]

_HOMES = {
    "BackupConfig": "pantry_tui.backup.api",
    "BackupService": "pantry_tui.backup.api",
    "DrillConfig": "pantry_tui.recovery.api",
    "RecoveryConfig": "pantry_tui.recovery.api",
    "RecoveryService": "pantry_tui.recovery.api",
    "BackupScheduler": "pantry_tui.runner.api",
    "Notifications": "pantry_tui.runner.api",
    "ScheduleConfig": "pantry_tui.runner.api",
    "SchedulerConfig": "pantry_tui.runner.api",
    "BackupMonitoring": "pantry_tui.runner.monitoring.api",
    "MonitoringConfig": "pantry_tui.runner.monitoring.api",
    "MonitoringThresholds": "pantry_tui.runner.monitoring.api",
}


def __getattr__(name: str) -> Any:
    """Loads the engine only when it is asked for: `pantry-tui --help` must not wait for a database driver."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
