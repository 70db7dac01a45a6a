"""Textual's key bindings, made from the command table."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from screens.commands import commands_of


def bindings_of(pane: str) -> list[BindingType]:
    """The bindings of a pane's commands; each carries the command's id, so that the configuration can remap it."""
    return [
        Binding(
            each.keys,
            each.action or f"command('{each.id}')",
            each.title,
            show=each.rank is not None,
            priority=each.at_once,
            id=each.id,
        )
        for each in commands_of(pane)
    ]
