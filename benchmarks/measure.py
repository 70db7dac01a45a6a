"""Wall time, processor time of both sides, and memory, from /proc."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.02


class Usage(NamedTuple):
    """What one run cost, in seconds; ``size`` is what it stored, in bytes."""

    wall: float
    client: float
    server: float
    size: int = 0


class Memory(NamedTuple):
    """The largest memory of a tree of processes at one moment, in bytes."""

    proportional: int  # PSS: shared pages counted once
    resident: int  # RSS: shared pages counted in each process


def median(usages: list[Usage]) -> Usage:
    """The median of each figure by itself."""
    return Usage(*(statistics.median(figures) for figures in zip(*usages, strict=True)))


def measure(work: Callable[[], None], *, client: int, server: int, without: Collection[int] = ()) -> Usage:
    """Runs ``work``; processor time is that of the client's and of the server's tree of processes.

    ``without`` names processes below the client that are none of its own, such as the server.
    """
    client_before, server_before = processor_seconds(client, without), processor_seconds(server)
    began = time.monotonic()
    work()
    wall = time.monotonic() - began
    time.sleep(0.2)  # backends end a moment after their client
    return Usage(wall, processor_seconds(client, without) - client_before, processor_seconds(server) - server_before)


def processor_seconds(root: int, without: Collection[int] = ()) -> float:
    """What a process, its living descendants and those that were waited for have used so far."""
    total = 0
    for pid in tree(root, without):
        fields = _stat(pid)
        if fields is not None:
            total += sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime (proc(5))
    return total / TICKS


@contextmanager
def watched_memory(root: int) -> Iterator[Callable[[], Memory]]:
    """Samples the memory of a tree of processes every 20 ms; the function tells the largest so far."""
    samples: list[Memory] = [Memory(0, 0)]
    over = threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_SECONDS):
            samples.append(Memory(*map(sum, zip(*(_memory(pid) for pid in tree(root)), strict=True))))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield lambda: Memory(*map(max, zip(*samples, strict=True)))
    finally:
        over.set()
        thread.join()


def tree(root: int, without: Collection[int] = ()) -> list[int]:
    """A process and its living descendants, ``without`` those and what is below them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields is not None:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(child for child in children.get(pid, ()) if child not in without)
    return found


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name, state first; None when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _memory(pid: int) -> tuple[int, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0, 0
    figures = {line.split()[0]: int(line.split()[1]) * 1024 for line in lines}
    return figures.get("Pss:", 0), figures.get("Rss:", 0)
