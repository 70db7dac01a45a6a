"""`pantry-tui demo`: from nothing to a proven backup, and back to nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

COMMAND = (sys.executable, "-c", "import sys; from pantry_tui.cli.main import main; sys.exit(main())", "demo")
TINY = "--scale=0.001"


class Demo:
    """A demo in a process of its own, with a temporary directory that nobody else uses."""

    def __init__(self, directory: Path) -> None:
        self.temporary = directory / "temporary"
        self.temporary.mkdir()
        self.environment = os.environ | {
            "TMPDIR": str(self.temporary),
            "HOME": str(directory / "home"),
            "DATABASE_URL": "postgresql://nobody@192.0.2.1/production",
            "BACKUP_DIR": str(directory / "production"),
            "PGHOST": "192.0.2.1",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as process:
            output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start_on_terminal(self, *arguments: str) -> tuple[subprocess.Popen[bytes], int]:
        """A demo with a terminal of 100 by 30, and the terminal's other end."""
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *COMMAND, *arguments],
            env=self.environment | {"TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        return process, ours

    def processes(self) -> list[str]:
        """The command lines of this demo's processes that still run, and of its server's."""
        ours = f"TMPDIR={self.temporary}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if ours in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue  # it has just ended
        return found

    def assert_nothing_left(self) -> None:
        assert self.processes() == []
        assert list(self.temporary.iterdir()) == []
        assert not Path(self.environment["BACKUP_DIR"]).exists()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    found = Demo(tmp_path)
    yield found
    found.assert_nothing_left()


def told(stream: IO[str] | None, beginning: str) -> str:
    """Reads until a line begins that way."""
    assert stream is not None
    for line in stream:
        if line.startswith(beginning):
            return line
    raise AssertionError(f"no line began with {beginning!r}")


def document(outcome: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert outcome.returncode == 0, outcome.stderr
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def test_headless_proves_a_backup(demo: Demo) -> None:
    outcome = demo.run("--headless", TINY, "--json")
    found = document(outcome)
    assert outcome.stderr == ""
    assert [step["step"] for step in found["steps"]] == [
        f"Started a private PostgreSQL {found['server']['version']}",
        'Created the sample CRM, database "crm"',
        "Took a full backup",
        "Validated it",
        'Restored it into a new database, "crm_rehearsal"',
        "Compared it with the backup",
    ]
    assert found["backup"]["rows"] == found["validation"]["rows"] > 1000
    assert found["validation"]["valid"] is True
    assert found["restore"]["validation"]["equal"] is True
    assert {table["verified"] for table in found["restore"]["tables"]} <= {"fingerprint", "text"}
    assert found["kept"] is None
    assert not Path(found["server"]["socket_directory"]).exists()


def test_headless_tells_its_steps(demo: Demo) -> None:
    outcome = demo.run("--headless", TINY)
    assert outcome.returncode == 0, outcome.stderr
    lines = outcome.stdout.splitlines()
    assert [line.partition(".")[0] for line in lines if not line.startswith(" ")][:-1] == list("123456")
    assert lines[-1] == "Stopped the server and removed everything."


@pytest.mark.parametrize(
    ("ending", "moment"),
    [(signal.SIGTERM, "1."), (signal.SIGHUP, "2."), (signal.SIGINT, "3.")],
    ids=["terminated-while-creating", "hung-up-while-backing-up", "interrupted-while-validating"],
)
def test_an_interrupted_demo_leaves_nothing(demo: Demo, ending: signal.Signals, moment: str) -> None:
    with demo.start("--headless", "--scale=0.02") as process:
        socket = told(process.stdout, "   It listens on a socket in ").split(" in ")[1].split(" and ")[0]
        if moment != "1.":
            told(process.stdout, moment)
        process.send_signal(ending)
        _, errors = process.communicate()
    assert process.returncode == 128 + ending, errors
    assert not Path(socket).exists()
    assert "interrupted" in errors


def read_until(terminal: int, *texts: bytes) -> None:
    shown = b""
    while not all(text in shown for text in texts):
        shown += os.read(terminal, 65536)


def drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # EIO: nobody has the other end any more
        os.close(terminal)


def test_the_application_opens_on_the_proven_backup(demo: Demo) -> None:
    process, terminal = demo.start_on_terminal(TINY)
    read_until(terminal, b"closing ends the demo", b"checked")  # the health, on the first screen
    os.write(terminal, b"2")
    read_until(terminal, b"restored")  # the proof, in the list of backups
    os.write(terminal, b"\x11")  # Ctrl+Q
    drain(terminal)
    assert process.wait() == 0


def test_a_lost_terminal_ends_the_demo(demo: Demo) -> None:
    process, terminal = demo.start_on_terminal(TINY)
    read_until(terminal, b"checked")
    os.close(terminal)
    assert process.wait() == 128 + signal.SIGHUP


def test_what_is_kept_opens_again(demo: Demo, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = document(demo.run("--headless", TINY, "--keep", str(kept), "--json"))
    second = document(demo.run("--headless", "--keep", str(kept), "--json"))
    assert (first["database"]["created"], second["database"]["created"]) == (True, False)
    assert second["backup"]["rows"] == first["backup"]["rows"]
    assert len(list((kept / "repository").glob("*/manifest.json"))) == 2
    sized = demo.run("--headless", "--keep", str(kept), "--scale=1")
    assert (sized.returncode, "--scale" in sized.stderr) == (2, True)


def test_a_directory_with_other_files_is_left_alone(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "precious").touch()
    outcome = demo.run("--headless", TINY, "--keep", str(tmp_path / "home"))
    assert outcome.returncode == 5
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["precious"]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), 60),  # no terminal here
        (("--headless", "--scale=0"), 2),
        (("--headless", "--scale=many"), 2),
        (("--headless", "--config=/dev/null"), 2),
    ],
)
def test_what_cannot_be_meant_starts_nothing(demo: Demo, arguments: tuple[str, ...], status: int) -> None:
    outcome = demo.run(*arguments)
    assert (outcome.returncode, outcome.stdout) == (status, "")
