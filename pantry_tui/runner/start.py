"""Starting a runner that outlives whoever starts it, and waiting for runners to come and go."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pantry_tui.artifact.files import storage_error, storage_errors
from pantry_tui.config import Config
from pantry_tui.errors import DiskFullError, PantryError, RunnerBusyError, RunnerError
from pantry_tui.runner.address import answers, runner_address
from pantry_tui.runner.lock import is_held
from pantry_tui.runner.supervision import VARIABLES

LOG_NAME = "runner.log"
HAND_OVER_SECONDS = 15.0  # longer than a job is given to stop
RESTART_SECONDS = 15.0  # in which a service manager has started another runner, if it ever does
_LOG_BYTES = 1024 * 1024
_TAIL_BYTES = 2000
_POLL_SECONDS = 0.02


def runner_command(directory: Path, config: Config) -> tuple[str, ...]:
    """The argv of a runner of that directory, as configured."""
    return (
        *(sys.executable, "-P", "-m", "pantry_tui.runner"),
        f"--data-directory={directory}",
        f"--max-jobs={config.runner.max_jobs}",
        f"--max-scheduled={config.scheduler.max_concurrent_jobs}",
        f"--history-days={config.runner.history_days}",
        f"--nice={config.backup.nice}",
        f"--log-format={config.runner.log_format.value}",
        f"--stop-seconds={config.runner.stop_seconds:g}",
        *(f"--monitoring={key}={value:g}" for key, value in config.monitoring_given.items()),
        *((f"--config={config.path}",) if config.path is not None else ()),
    )


def start_detached(directory: Path, config: Config) -> None:
    """Starts a runner in a session of its own and returns when it answers; what it says goes to `runner.log`.

    Raises `RunnerBusyError` when another one has the directory, `DiskFullError`, and `RunnerError` with the log's end
    when it fails otherwise.
    """
    log = _open_log(directory)
    began = os.fstat(log).st_size
    ready, announcement = os.pipe2(os.O_CLOEXEC)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pid = os.posix_spawn(  # a Popen object would complain of a child that outlives it
            sys.executable,
            (*runner_command(directory, config), "--announce"),
            # What a schedule without a configured database means; jobs are given none of it. Who watches over this
            # process does not watch over that one.
            {name: value for name, value in os.environ.items() if name not in VARIABLES},
            file_actions=[(os.POSIX_SPAWN_DUP2, own, its) for own, its in ((nothing, 0), (announcement, 1), (log, 2))],
            setsid=True,
        )
    except OSError as error:
        os.close(ready)
        raise RunnerError(
            f"the runner did not start: {error.strerror}",
            remedy="free memory, or raise the limit of processes (ulimit -u)",
        ) from error
    finally:
        for descriptor in (log, announcement, nothing):
            os.close(descriptor)
    with os.fdopen(ready, "rb") as pipe:
        is_ready = bool(pipe.readline())
    if is_ready:
        threading.Thread(target=os.waitpid, args=(pid, 0), daemon=True).start()  # leaves no zombie
        return
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    raise _failure(status, directory / LOG_NAME, began)


def wait_for_end(directory: Path, seconds: float) -> bool:
    """Waits until no runner has the directory; False when one still has it after that time."""
    return _wait(lambda: not is_held(directory), seconds)


def wait_while_silent(directory: Path, seconds: float) -> bool:
    """Waits until the process that has the directory answers or ends; False when neither happens in that time."""
    return _wait(lambda: answers(runner_address(directory)) or not is_held(directory), seconds)


def wait_for_answer(directory: Path, seconds: float) -> bool:
    """Waits until a runner of the directory answers; False when none does in that time."""
    return _wait(lambda: answers(runner_address(directory)), seconds)


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _open_log(directory: Path) -> int:
    path = directory / LOG_NAME
    with storage_errors(path, "opening the runner's log"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > _LOG_BYTES:
                path.replace(path.with_suffix(".log.previous"))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _failure(status: int, log: Path, began: int) -> PantryError:
    with log.open("rb") as file:
        file.seek(began)
        said = file.read()[-_TAIL_BYTES:].decode(errors="backslashreplace").strip()
    if status == RunnerBusyError.exit_status:
        return RunnerBusyError("another runner was faster", detail=said or None)
    if status == DiskFullError.exit_status:  # of which it could not write into its log, either
        return storage_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), log.parent, "starting the runner")
    return RunnerError(
        f"the runner did not start: it ended with status {status}",
        remedy=f"correct what it says below; its log is {log}",
        detail=said or None,
    )
