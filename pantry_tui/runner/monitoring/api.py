"""Monitoring from Python: health as a runner of the data directory finds it, and the alerts that it keeps."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from pantry_tui.config import Config, load_config
from pantry_tui.config.given import with_monitoring
from pantry_tui.errors import RunnerError
from pantry_tui.models import Alert, Health, MetricsHistory, Model, MonitoringStats
from pantry_tui.runner.client import RunnerClient, attach_or_start
from pantry_tui.runner.metrics_reading import HISTORY_DAYS


class MonitoringThresholds(Model, frozen=True, kw_only=True):
    """What counts as good; None: as configured. Hours, GB of 10⁹ bytes, minutes, what is saved, what may fail."""

    max_backup_age: float | None = None
    min_disk_space_gb: float | None = None
    max_backup_time: float | None = None
    min_compression_ratio: float | None = None
    max_failure_rate: float | None = None


class MonitoringConfig(Model, frozen=True, kw_only=True):
    """How the databases are watched; None: as configured.

    ``health_check_interval`` in minutes. It, the days and the thresholds are those of a runner that has to be started; one
    that is there keeps its own, but judges by the thresholds what it is asked here.
    """

    health_check_interval: float | None = None
    metrics_retention_days: int | None = None
    alerts_retention_days: int | None = None
    thresholds: MonitoringThresholds = MonitoringThresholds()


class BackupMonitoring:
    """Says whether the databases would survive today. `initialize` it first, or use it as a context; `close` it in the end.

    Raises `ConfigError` for a configuration that cannot be read, and for numbers out of range.
    """

    def __init__(self, config: MonitoringConfig | None = None) -> None:
        given = (config or MonitoringConfig()).to_builtins()
        self._thresholds = _set(given.pop("thresholds"))
        self._config: Config = with_monitoring(load_config(), {**_set(given), **self._thresholds})
        self._client: RunnerClient | None = None

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def initialize(self) -> None:
        """Finds the runner of the data directory, or starts one. Raises `RunnerError`."""
        if self._client is None:
            self._client = await attach_or_start(self._config)

    async def close(self) -> None:
        """Lets the runner go, which goes on watching."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def run_health_check(self) -> Health:
        """Looks at everything now. With thresholds of its own the alerts stay as they are.

        Raises `ConfigError`, `RunnerError` where nothing can be looked at.
        """
        return await self._runner().check_health(thresholds=self._thresholds)

    async def get_active_alerts(self) -> list[Alert]:
        """The alerts that are not resolved, the worst first."""
        return await self._runner().alerts()

    async def get_metrics_history(self, days: int = HISTORY_DAYS) -> MetricsHistory:
        """What was measured in the last days, today included: each day, and each job and health run."""
        return await self._runner().metrics_history(days, records=True)

    async def get_stats(self) -> MonitoringStats:
        """What everything comes to: each database over 30 days, each disk and how long it will last."""
        return await self._runner().stats()

    def _runner(self) -> RunnerClient:
        if self._client is None:
            raise RunnerError("the monitoring is not initialized", remedy="await its initialize() first")
        return self._client


def _set(values: dict[str, float | None]) -> dict[str, float]:
    return {key: value for key, value in values.items() if value is not None}
