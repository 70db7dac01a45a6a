"""What a job's process has used is told when it ends, with what all had used that it waited for."""

from __future__ import annotations

import resource
import subprocess
import sys

from pantry_tui.runner.process import JobProcess

MIB = 1024**2

WORK = """
import time
kept = bytearray(150_000_000)
while time.process_time() < 0.3:
    pass
"""
STARTS_WORK = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {WORK!r}], check=True)
sys.stdin.read()
"""


def started(program: str) -> JobProcess:
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        bufsize=0,
    )
    return JobProcess(process)


async def test_what_its_children_used_is_part_of_it() -> None:
    job = started(STARTS_WORK)
    assert job.usage is None

    await job.dismiss()

    assert job.usage is not None
    assert job.usage.user_seconds + job.usage.system_seconds >= 0.3
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # a child begins as a copy of this process
    assert 150_000_000 <= job.usage.peak_bytes < max(250 * MIB, ours + 50 * MIB)
    assert not job.is_alive


async def test_one_that_was_killed_is_measured_too() -> None:
    job = started("import os, signal; kept = bytearray(80_000_000); os.kill(os.getpid(), signal.SIGKILL)")

    await job.dismiss()

    assert job.usage is not None
    assert job.usage.peak_bytes >= 80_000_000
