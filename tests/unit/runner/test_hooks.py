"""Commands before and after jobs: what they are given, what becomes of them, and of their children."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from pantry_tui.errors import HookError
from pantry_tui.models import Hook
from pantry_tui.runner import hooks
from pantry_tui.runner.hooks import hook_environment, run_hook
from tests.engine.runner.processes import eventually


def script(directory: Path, text: str) -> str:
    path = directory / "hook.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


async def said_by(hook: Hook, **facts: str | None) -> list[str]:
    lines: list[str] = []
    await run_hook(hook, hook_environment(facts), lines.append)
    return lines


async def test_its_output_is_heard_and_its_arguments_are_no_shell(tmp_path: Path) -> None:
    path = script(tmp_path, 'echo "$1"; echo "on standard error" >&2; printf "no end"')
    hook = Hook(argv=(path, "$(id); `id` 'x"))
    assert await said_by(hook) == ["$(id); `id` 'x", "on standard error", "no end"]


async def test_it_is_given_facts_and_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGPASSWORD", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "PANTRY_CONFIG"):
        monkeypatch.setenv(name, "a secret")
    hook = Hook(argv=(script(tmp_path, "env; pwd"),))
    lines = await said_by(hook, JOB="job-1", DATABASE="a\nb", FAILURE=None)
    assert "a secret" not in "".join(lines)
    assert {"PANTRY_JOB=job-1", "PANTRY_DATABASE=a", "b", "/"} <= set(lines)
    assert not [line for line in lines if line.startswith("PANTRY_FAILURE")]


@pytest.mark.parametrize(
    ("text", "words"), [("exit 3", "ended with status 3"), ("kill -TERM $$", "ended by signal 15")]
)
async def test_its_failure_is_known(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(HookError, match=words):
        await said_by(Hook(argv=(script(tmp_path, text),)))


async def test_one_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "child"
    path = script(tmp_path, f"trap '' TERM\nsleep 600 &\necho $! > {note}\nwait\nwait")
    with pytest.raises(HookError, match=r"did not end within 0\.5 s"):
        await said_by(Hook(argv=(path,), timeout_seconds=0.5))
    assert not _is_alive(int(note.read_text()))


async def test_cancelling_ends_it(tmp_path: Path) -> None:
    path = script(tmp_path, "echo $$\nsleep 600")
    begun = asyncio.Event()
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        begun.set()

    running = asyncio.create_task(run_hook(Hook(argv=(path,)), hook_environment({}), hear))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not _is_alive(int(lines[0]))


async def test_what_it_leaves_running_goes_on_and_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application that is started again has the hook's output open for as long as it lives."""
    monkeypatch.setattr(hooks, "_DRAIN_SECONDS", 0.1)
    [line] = await said_by(Hook(argv=(script(tmp_path, "sleep 600 & echo $!"),)))
    assert _is_alive(int(line))
    os.kill(int(line), 9)


async def test_endless_output_is_cut(tmp_path: Path) -> None:
    text = "i=0; while [ $i -lt 700 ]; do echo $i; i=$((i+1)); done; head -c 100000 /dev/zero | tr '\\0' x"
    lines = await said_by(Hook(argv=(script(tmp_path, text),)))
    assert lines[-2:] == ["499", "… more output was left out"]


@pytest.mark.parametrize("mode", [0o722, 0o702])
async def test_one_that_others_could_change_is_not_run(tmp_path: Path, mode: int) -> None:
    path = script(tmp_path, f"touch {tmp_path}/ran")
    Path(path).chmod(mode)
    with pytest.raises(HookError, match=r"was not run: (?:everybody|the group \w+) can write"):
        await said_by(Hook(argv=(path,)))
    assert not (tmp_path / "ran").exists()


async def test_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HookError, match="cannot be looked at: No such file"):
        await said_by(Hook(argv=(f"{tmp_path}/nothing",)))


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_one_that_cannot_be_run_leaves_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "hook.sh"
    path.write_text("#!/nonexistent/interpreter\n")
    path.chmod(0o700)
    before = list(Path("/proc/self/fd").iterdir())
    for _ in range(3):
        with pytest.raises(HookError, match="cannot be run"):
            await said_by(Hook(argv=(str(path),)))
    assert len(list(Path("/proc/self/fd").iterdir())) == len(before)


async def test_who_is_in_a_hurry_leaves_nothing_behind(tmp_path: Path) -> None:
    note = tmp_path / "child"
    path = script(tmp_path, f"trap '' TERM\necho $$ > {note}\necho ready\nwhile :; do sleep 600; done")
    ready = asyncio.Event()
    running = asyncio.create_task(run_hook(Hook(argv=(path,)), {}, lambda line: ready.set()))
    await ready.wait()
    running.cancel()
    await asyncio.sleep(0)  # it is being ended, gently
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    eventually(lambda: not _is_alive(int(note.read_text())), "its end")
