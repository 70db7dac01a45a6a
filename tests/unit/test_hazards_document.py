"""The table of hazards is whole, and everything that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "hazards.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)]
NAMED = re.findall(r"`((?:tests|pantry_tui)/[^`]*)::(\w+)`", "\n".join(ROWS))


@cache
def defined_in(path: Path) -> frozenset[str]:
    """Every function and class of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_every_number_stands_there_once() -> None:
    assert [int(row.split("|")[1]) for row in ROWS] == list(range(1, 113))


def test_every_row_says_what_happens_and_has_a_proof() -> None:
    for row in ROWS:
        _, _, wrong, behaviour, proof, end = re.split(r"(?<!\\)\|", row)
        assert wrong.strip(), row
        assert behaviour.strip(), row
        assert proof.count("::") >= 1, row
        assert end == "", row


def test_everything_named_exists() -> None:
    missing = [f"{file}::{name}" for file, name in NAMED if name not in defined_in(ROOT / file)]
    assert missing == []
    assert len(NAMED) == "".join(ROWS).count("::")
