"""The one edge: every error becomes a message, a remedy and an exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

import pytest

from pantry_tui.cli.failure import Interrupted, guard
from pantry_tui.errors import DatabaseMissingError, InternalError, PantryError, error_classes


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def command() -> NoReturn:
        raise error

    return command


def test_message_remedy_and_indented_detail(capsys: pytest.CaptureFixture[str]) -> None:
    error = DatabaseMissingError(
        "no database crm\x1b[31m", remedy="create it:\n  createdb crm", detail="FATAL:  no\x07\n\tsecond line\n"
    )
    assert guard(raising(error), as_json=False) == 13
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "pantry-tui: no database crm\\x1b[31m\ncreate it:\n  createdb crm\n    FATAL:  no\\x07\n            second line\n"
    )


def test_json_prints_the_error_as_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    guard(raising(DatabaseMissingError("no database crm", remedy="create it")), as_json=True)
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "error": {
            "code": "database_missing",
            "message": "no database crm",
            "remedy": "create it",
            "detail": None,
            "exit_status": 13,
        }
    }
    assert captured.err == "pantry-tui: no database crm\ncreate it\n"


@pytest.mark.parametrize("cls", error_classes(), ids=lambda cls: cls.code)
def test_every_class_has_its_own_status(cls: type[PantryError]) -> None:
    assert guard(raising(cls("x")), as_json=False) == cls.exit_status
    assert [other.exit_status for other in error_classes()].count(cls.exit_status) == 1


@pytest.mark.parametrize(
    ("raised", "status"),
    [(KeyboardInterrupt(), 130), (Interrupted("job x was cancelled"), 130), (Interrupted("stopped", 143), 143)],
)
def test_interruptions(raised: BaseException, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert guard(raising(raised), as_json=True) == status
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["code"] == "cancelled"
    assert document["error"]["exit_status"] == status


def test_a_defect_is_told_without_its_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PANTRY_DEBUG", raising=False)
    assert guard(raising(ValueError("password=hunter2")), as_json=False) == 70
    written = capsys.readouterr().err
    assert "ValueError" in written
    assert "report it" in written
    assert "hunter2" not in written
    assert "Traceback" not in written


def test_debugging_shows_the_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANTRY_DEBUG", "1")
    guard(raising(ValueError("why")), as_json=False)
    assert "Traceback" in capsys.readouterr().err


def test_a_defect_of_a_job_keeps_its_traceback_for_debugging(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = InternalError("the job failed", remedy="report it", detail="Traceback of the job")
    monkeypatch.delenv("PANTRY_DEBUG", raising=False)
    guard(raising(error), as_json=False)
    assert capsys.readouterr().err == "pantry-tui: the job failed\nreport it\nPANTRY_DEBUG=1 shows the traceback\n"
    monkeypatch.setenv("PANTRY_DEBUG", "1")
    guard(raising(error), as_json=False)
    assert "Traceback of the job" in capsys.readouterr().err


def test_a_reader_that_went_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code = "from pantry_tui.cli import failure, output\nimport sys\n"
    code += "def many():\n    for _ in range(9999): output.print_line('x' * 99)\n    return 0\n"
    code += "sys.exit(failure.guard(many, as_json=False))"
    outcome = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (outcome.returncode, outcome.stderr) == (141, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")  # noqa: PTH110
def test_a_full_disk_behind_standard_output_is_told() -> None:
    code = "from pantry_tui.cli import failure, output\nimport sys\n"
    code += "def one():\n    output.print_line('x')\n    return 0\n"
    code += "sys.exit(failure.guard(one, as_json=False))"
    with open("/dev/full", "w") as full:  # noqa: PTH123
        outcome = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True)
    assert outcome.returncode == 21
    assert outcome.stderr.startswith("pantry-tui: the result cannot be written to standard output: No space left")
