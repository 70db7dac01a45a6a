"""Every metric that Prometheus is given: names by its conventions, base units, `pantry_` before all of them."""

from __future__ import annotations

from pantry_tui.monitoring.exposition_text import Definition, MetricType

_GAUGE, _COUNTER = MetricType.GAUGE, MetricType.COUNTER
_JOBS = ("kind", "database", "outcome")
_LAST = ("kind", "variety", "database")
_CHECK = ("check", "subject", "part", "database")

BUILD = Definition("pantry_build_info", _GAUGE, "The version of Pantry TUI; always 1.", ("version",))
RUNNER_UP = Definition("pantry_runner_up", _GAUGE, "Whether a runner has the data directory: 1 or 0.")
RUNNER_START = Definition("pantry_runner_start_time_seconds", _GAUGE, "When the runner was started, in Unix time.")
RUNNER_JOBS = Definition("pantry_runner_jobs", _GAUGE, "Jobs that are alive, by their state.", ("state",))
UNTOLD = Definition("pantry_notifications_pending", _GAUGE, "Messages that could not be sent yet.")

JOBS = Definition("pantry_jobs_total", _COUNTER, "Jobs that have ended, by how they did.", _JOBS)
JOB_SECONDS = Definition("pantry_jobs_duration_seconds_total", _COUNTER, "How long ended jobs took.", _JOBS)
JOB_CPU = Definition(
    "pantry_jobs_cpu_seconds_total",
    _COUNTER,
    "CPU time of the processes of ended jobs, the server's not included.",
    (*_JOBS, "mode"),
)
JOB_STORED = Definition("pantry_jobs_stored_bytes_total", _COUNTER, "Bytes that jobs have stored.", _JOBS)
JOB_RAW = Definition(
    "pantry_jobs_raw_bytes_total", _COUNTER, "Bytes that jobs have handled, before compression.", _JOBS
)
JOB_ROWS = Definition("pantry_jobs_rows_total", _COUNTER, "Rows that jobs have handled.", _JOBS)
JOB_READ = Definition("pantry_jobs_disk_read_bytes_total", _COUNTER, "Bytes that jobs have read from storage.", _JOBS)
JOB_WRITTEN = Definition(
    "pantry_jobs_disk_written_bytes_total", _COUNTER, "Bytes that jobs have written to storage.", _JOBS
)

LAST_FAILURE = Definition(
    "pantry_job_last_failure_timestamp_seconds", _GAUGE, "When such a job last failed, in Unix time.", _LAST
)
LAST_SUCCESS = Definition(
    "pantry_job_last_success_timestamp_seconds", _GAUGE, "When such a job last succeeded, in Unix time.", _LAST
)
LAST_SECONDS = Definition("pantry_job_last_success_duration_seconds", _GAUGE, "How long that took.", _LAST)
LAST_STORED = Definition("pantry_job_last_success_stored_bytes", _GAUGE, "Bytes that it has stored.", _LAST)
LAST_RAW = Definition("pantry_job_last_success_raw_bytes", _GAUGE, "Bytes that it has handled, uncompressed.", _LAST)
LAST_ROWS = Definition("pantry_job_last_success_rows", _GAUGE, "Rows that it has handled.", _LAST)
LAST_SPEED = Definition(
    "pantry_job_last_success_raw_bytes_per_second", _GAUGE, "Bytes that it has handled in a second.", _LAST
)
LAST_SAVED = Definition(
    "pantry_job_last_success_saved_ratio", _GAUGE, "What compression has saved: 1 - stored / uncompressed.", _LAST
)
LAST_CPU = Definition("pantry_job_last_success_cpu_seconds", _GAUGE, "CPU time of its processes.", _LAST)
LAST_PEAK = Definition(
    "pantry_job_last_success_peak_memory_bytes",
    _GAUGE,
    "The most memory that one of its processes had resident.",
    _LAST,
)

STORED = Definition("pantry_stored_backups", _GAUGE, "Backups that are listed.", ("repository", "database", "kind"))
STORED_BYTES = Definition("pantry_stored_backups_bytes", _GAUGE, "What they take.", ("repository", "database", "kind"))
NEWEST = Definition(
    "pantry_stored_backups_newest_timestamp_seconds",
    _GAUGE,
    "When the newest of them was begun, in Unix time.",
    ("repository", "database", "kind"),
)

HEALTH_STATUS = Definition("pantry_health_status", _GAUGE, "0 healthy, 1 warning, 2 critical.")
HEALTH_AT = Definition("pantry_health_run_timestamp_seconds", _GAUGE, "When health was last looked at, in Unix time.")
HEALTH_SECONDS = Definition("pantry_health_run_duration_seconds", _GAUGE, "How long that took.")
DATABASE_STATUS = Definition(
    "pantry_database_status", _GAUGE, "Would it survive? 0 ok, 1 unknown, 2 warning, 3 critical.", ("database",)
)
RECOVERY_POINT = Definition(
    "pantry_database_recovery_point_timestamp_seconds",
    _GAUGE,
    "To when it could be brought back: the newest valid backup, in Unix time. Absent where there is none.",
    ("database",),
)
RPO = Definition(
    "pantry_database_recovery_point_objective_seconds", _GAUGE, "How old that may be, by its tier.", ("database",)
)
RECOVERY_TIME = Definition(
    "pantry_database_recovery_time_seconds", _GAUGE, "How long its last proven recovery took.", ("database",)
)
RTO = Definition(
    "pantry_database_recovery_time_objective_seconds", _GAUGE, "How long that may take, by its tier.", ("database",)
)
CHECK_STATUS = Definition("pantry_check_status", _GAUGE, "0 ok, 1 unknown, 2 warning, 3 critical.", _CHECK)
CHECK_SECONDS = Definition("pantry_check_seconds", _GAUGE, "The figure of a check that is a time.", _CHECK)
CHECK_BYTES = Definition("pantry_check_bytes", _GAUGE, "The figure of a check that is a size.", _CHECK)
CHECK_RATIO = Definition("pantry_check_ratio", _GAUGE, "The figure of a check that is a share.", _CHECK)
CHECK_NUMBER = Definition("pantry_check_number", _GAUGE, "The figure of a check that is a number of things.", _CHECK)

DISK_SIZE = Definition("pantry_disk_size_bytes", _GAUGE, "The size of the file system.", ("place",))
DISK_FREE = Definition("pantry_disk_free_bytes", _GAUGE, "What is free on it for the runner's user.", ("place",))
DISK_GROWTH = Definition(
    "pantry_disk_growth_bytes_per_second",
    _GAUGE,
    "The trend of what is taken. Absent under three days of measurements.",
    ("place",),
)
DISK_FULL = Definition(
    "pantry_disk_full_seconds",
    _GAUGE,
    "How long until it is full, by that trend. Absent where it is not growing.",
    ("place",),
)

KEPT_BYTES = Definition("pantry_metrics_kept_bytes", _GAUGE, "What the kept metrics take on the disk.")
LOST = Definition("pantry_metrics_lost_total", _COUNTER, "Records that could not be written since the runner's start.")
LEFT_OUT = Definition(
    "pantry_samples_left_out", _GAUGE, "Values that are not here, because a metric had too many of them.", ("metric",)
)

DEFINITIONS: tuple[Definition, ...] = tuple(
    value for value in tuple(globals().values()) if isinstance(value, Definition)
)
