"""The figures as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.measure import Memory, Usage

MEGABYTE = 1_000_000


class Target(NamedTuple):
    """A ratio of two contenders' wall times, and the most it may be."""

    of: str
    to: str
    most: float


def print_usages(title: str, usages: Mapping[str, Usage]) -> None:
    """Prints what each contender cost."""
    print(
        f"\n**{title}**\n\n| | wall s | client CPU s | server CPU s | stored MB |\n| --- | ---: | ---: | ---: | ---: |"
    )
    for name, usage in usages.items():
        stored = f"{usage.size / MEGABYTE:.0f}" if usage.size else ""
        print(f"| {name} | {usage.wall:.2f} | {usage.client:.2f} | {usage.server:.2f} | {stored} |")


def print_targets(usages: Mapping[str, Usage], targets: Sequence[Target], *, judged: bool) -> None:
    """Prints the ratios that matter; ``judged`` where the figures to reach are meant for this data."""
    rows = [target for target in targets if target.of in usages and target.to in usages]
    if not rows:
        return
    print("\n| ratio of wall times | measured | at most | |\n| --- | ---: | ---: | --- |")
    for of, to, most in rows:
        ratio = usages[of].wall / usages[to].wall
        verdict = f"{most:.2f} | {'reached' if ratio <= most else 'missed'}" if judged else " | "
        print(f"| {of} / {to} | {ratio:.2f} | {verdict} |")


def print_memory(memories: Mapping[str, Memory], most: int) -> None:
    """Prints the peaks of all our processes together, in a round of their own."""
    print("\n| all our processes together, peak | PSS MB | sum of RSS MB | PSS at most MB | |")
    print("| --- | ---: | ---: | ---: | --- |")
    for name, memory in memories.items():
        verdict = "reached" if memory.proportional <= most else "missed"
        shown = f"{memory.proportional / MEGABYTE:.0f} | {memory.resident / MEGABYTE:.0f} | {most / MEGABYTE:.0f}"
        print(f"| {name} | {shown} | {verdict} |")
