"""The reference pages are those that the parser makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.cli.reference import pages
from pantry_tui.errors import error_classes

DOCUMENTS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize("name", ["commands.md", "exit-codes.md"])
def test_page_is_up_to_date(name: str) -> None:
    assert (DOCUMENTS / name).read_text(encoding="utf-8") == pages()[name], (
        "run: python -m pantry_tui.cli.reference docs"
    )


def test_every_exit_status_is_explained() -> None:
    page = pages()["exit-codes.md"]
    for cls in error_classes():
        assert f"| {cls.exit_status} | `{cls.code}` | " in page


def test_every_documented_command_has_a_section() -> None:
    page = pages()["commands.md"]
    for heading in (
        "backup create",
        "recovery execute",
        "job wait",
        "runner install-unit",
        "key rotate",
        "audit verify",
    ):
        assert f"\n### {heading}\n" in page
