"""The process of one job: ``python -m pantry_tui.runner.job NICENESS``.

It reads one line, a `JobRequest`, from its standard input and writes events as JSON lines to its standard output. The end
of its input means that the runner is gone; it then stops the work, as it does on SIGTERM. It is started before there is
a job, so that the imports (0.25 s) and the start of the workers are done when one comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence

from pantry_tui.errors import CancelledError, InternalError, PantryError
from pantry_tui.events import Event, Failed, Finished, encode_event
from pantry_tui.models import (
    BackupRequest,
    CopyRequest,
    DatabaseTarget,
    DiffRequest,
    DrillRequest,
    DrillResult,
    Failure,
    ForeignPlanRequest,
    ForeignRestoreRequest,
    ImportRequest,
    JobRequest,
    Model,
    PlanRequest,
    ReleaseRequest,
    RestoreRequest,
    RollbackRequest,
    ValidateRequest,
)
from pantry_tui.runner.request import decode_request, secrets_of

GRACE_SECONDS = 10.0  # from being told to stop to being killed

_HANDLERS = ("pantry_tui.backup.reading", "pantry_tui.backup.examining", "pantry_tui.recovery.loading")
_ENGINE = ("pantry_tui.backup.service", "pantry_tui.backup.validate", "pantry_tui.recovery.service")


class _Reporter:
    """Writes events to the runner; a runner that is gone is no reason to fail."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()  # the engine may report from threads, and long lines are written in parts

    def send(self, event: Event) -> None:
        line = memoryview(encode_event(event) + b"\n")
        with self._lock, contextlib.suppress(BrokenPipeError):
            while line:
                line = line[os.write(self._descriptor, line) :]


def main(argv: Sequence[str]) -> int:
    """Waits for a request, carries it out, and reports; the exit status is 0 whenever the report was complete."""
    os.umask(0o077)
    os.nice(int(argv[0]))  # before the workers are started, who inherit it
    orders, events = _private_pipes()
    _warm_up()
    line = _read_line(orders)
    if not line:
        _discard_spare_workers()  # the runner stopped before there was a job
        return 0
    asyncio.run(_carry_out(decode_request(line), orders, _Reporter(events)))
    return 0


def _private_pipes() -> tuple[int, int]:
    """Moves input and output to descriptors that no child inherits; a stray print must not look like an event."""
    orders, events = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return orders, events


def _warm_up() -> None:
    with contextlib.suppress(ImportError):  # what is broken is reported when a job needs it
        for module in _ENGINE:
            importlib.import_module(module)
    from pantry_tui.postgres.tools import installed_tools
    from pantry_tui.postgres.workers import default_worker_count, prelaunch

    asyncio.run(installed_tools())
    prelaunch(default_worker_count(), *_HANDLERS)


def _discard_spare_workers() -> None:
    from pantry_tui.postgres.workers import discard_prelaunched

    discard_prelaunched()


def _read_line(descriptor: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(descriptor, 65536)
        if not piece:
            return b""
        line += piece
    return line


async def _carry_out(request: JobRequest, orders: int, reporter: _Reporter) -> None:
    loop = asyncio.get_running_loop()
    work = loop.create_task(_perform(request, reporter))
    loop.add_signal_handler(signal.SIGTERM, work.cancel)
    loop.add_reader(orders, _runner_is_gone, loop, orders, work)
    try:
        reporter.send(_last_event(await work))
    except asyncio.CancelledError:
        reporter.send(Failed(failure=Failure.of(CancelledError("the job was cancelled"))))
    except PantryError as error:
        reporter.send(Failed(failure=Failure.of(error)))
    except Exception as error:  # the edge: whatever it is, the runner must hear of it
        reporter.send(Failed(failure=Failure.of(_explained(error, secrets_of(request)))))
    finally:
        _discard_spare_workers()


def _last_event(result: Model) -> Finished | Failed:
    """A drill that failed is a failed job with a result."""
    if isinstance(result, DrillResult) and result.failure is not None:
        return Failed(failure=result.failure, result=result.to_builtins())
    return Finished(result=result.to_builtins())


def _runner_is_gone(loop: asyncio.AbstractEventLoop, orders: int, work: asyncio.Task[Model]) -> None:
    if os.read(orders, 4096):
        return
    loop.remove_reader(orders)
    work.cancel()
    loop.call_later(GRACE_SECONDS, os.killpg, 0, signal.SIGKILL)


async def _perform(request: JobRequest, reporter: _Reporter) -> Model:
    from pantry_tui.postgres.connect import adopt_environment

    if isinstance(request, BackupRequest):
        from pantry_tui.backup.service import take_backup

        adopt_environment(request.database)
        return await take_backup(request, reporter.send)
    if isinstance(request, PlanRequest):
        from pantry_tui.recovery.planning.service import plan_recovery

        adopt_environment(request.target)
        _discard_spare_workers()
        return await plan_recovery(request, reporter.send)
    if isinstance(request, RestoreRequest):
        from pantry_tui.recovery.service import restore_backup

        adopt_environment(request.target)
        return await restore_backup(request, reporter.send)
    if isinstance(request, DrillRequest):
        from pantry_tui.recovery.drill import drill_backup

        adopt_environment(request.server or DatabaseTarget(name="of a private server"))
        return await drill_backup(request, reporter.send)
    if isinstance(request, RollbackRequest):
        from pantry_tui.recovery.undoing import roll_back

        adopt_environment(request.target)
        return await roll_back(request, reporter.send)
    if isinstance(request, ReleaseRequest):
        from pantry_tui.recovery.undoing import release

        adopt_environment(request.target)
        return await release(request, reporter.send)
    if isinstance(request, ValidateRequest):
        from pantry_tui.backup.validate import validate_backup

        return await validate_backup(request, reporter.send)
    _discard_spare_workers()  # what follows needs no processes of its own
    if isinstance(request, DiffRequest):
        from pantry_tui.backup.live import compare_with_live

        adopt_environment(request.database)
        return await compare_with_live(request, reporter.send)
    if isinstance(request, CopyRequest):
        from pantry_tui.backup.copying import copy_backup

        return await copy_backup(request, reporter.send)
    if isinstance(request, ForeignPlanRequest):
        from pantry_tui.recovery.foreign.planning import plan_foreign

        adopt_environment(request.target)
        return await plan_foreign(request, reporter.send)
    if isinstance(request, ForeignRestoreRequest):
        from pantry_tui.recovery.foreign.service import restore_foreign

        adopt_environment(request.target)
        return await restore_foreign(request, reporter.send)
    if isinstance(request, ImportRequest):
        from pantry_tui.backup.importing import import_dump

        return await import_dump(request, reporter.send)
    from pantry_tui.backup.export import export_backup

    return await export_backup(request, reporter.send)


def _explained(error: BaseException, secrets: tuple[str, ...]) -> PantryError:
    """What to report for an exception that is none of ours; a group of them stands for the first of ours in it."""
    if isinstance(error, BaseExceptionGroup):
        cause: BaseException | None = error.subgroup(PantryError)
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, PantryError):
            return cause
    message, detail = f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))
    for secret in secrets:
        message, detail = message.replace(secret, "***"), detail.replace(secret, "***")
    return InternalError(
        f"the job failed in a way it should not have: {message}",
        remedy="please report it, with the traceback below",
        detail=detail,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
