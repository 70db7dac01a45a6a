"""The other side of `workers`: the leader process, and what each forked worker does.

Started as ``python -m pantry_tui.postgres.worker MODULES FD…``. Signals of the terminal are the parent's business; a
worker ends when its socket closes, and the kernel ends all of them when their parent dies.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from io import BufferedRWPair
from typing import NoReturn

from pantry_tui.errors import InternalError, PantryError
from pantry_tui.models import Failure
from pantry_tui.postgres.processes import die_with_parent
from pantry_tui.postgres.workers import FAILURE, REPORT, RESULT, SETUP

Session = Callable[[bytes, Callable[[bytes], None]], bytes]


def _answer(lines: BufferedRWPair, kind: bytes, body: bytes) -> None:
    lines.write(kind + body + b"\n")
    lines.flush()


def _serve(lines: BufferedRWPair) -> None:
    session: Session | None = None
    while message := lines.readline():
        kind, body = message[:1], message[1:-1]
        try:
            if kind == SETUP:
                module, _, setup = body.partition(b" ")
                session = importlib.import_module(module.decode()).open_session(setup)
                _answer(lines, RESULT, b"null")
            elif session is None:
                raise InternalError("a worker was given work before its session was open")
            else:
                _answer(lines, RESULT, session(body, lambda report: _answer(lines, REPORT, report)))
        except PantryError as error:
            _answer(lines, FAILURE, Failure.of(error).to_json())
        except (KeyboardInterrupt, BrokenPipeError):
            return
        except Exception as error:  # the worker's edge: the parent must hear of it as a failure, not as a death
            failure = InternalError(f"a worker failed: {type(error).__name__}: {error}", detail=traceback.format_exc())
            _answer(lines, FAILURE, Failure.of(failure).to_json())


def _work(descriptor: int) -> NoReturn:
    status = 0
    try:
        with socket.socket(fileno=descriptor) as connection, connection.makefile("rwb") as lines:
            _serve(lines)
    except (BrokenPipeError, ConnectionResetError):
        status = 1  # the parent went away; nobody is left to tell
    finally:
        os._exit(status)


def main(arguments: list[str]) -> int:
    """Forks a worker per descriptor and waits for all of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    modules, *numbers = arguments
    descriptors = [int(number) for number in numbers]
    for module in filter(None, modules.split(",")):
        importlib.import_module(module)
    gc.freeze()  # keeps the pages shared: collections in the workers do not touch what was loaded here
    die_with_leader = die_with_parent()
    for descriptor in descriptors:
        if os.fork() == 0:
            die_with_leader()
            for other in descriptors:
                if other != descriptor:
                    os.close(other)
            _work(descriptor)
    for descriptor in descriptors:
        os.close(descriptor)
    for _ in descriptors:
        with contextlib.suppress(ChildProcessError):
            os.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
