"""What keeps a recovery from being executed: all of it is gathered, where the recovery itself would end at the first."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg

from pantry_tui.errors import PantryError
from pantry_tui.models import Failure
from pantry_tui.postgres.connect import server_error

T = TypeVar("T")


class Obstacles:
    """Refusals and warnings, in the order in which they were found."""

    def __init__(self) -> None:
        self.refusals: list[Failure] = []
        self.warnings: list[str] = []

    def refuse(self, error: PantryError) -> None:
        """One more reason."""
        failure = Failure.of(error)
        if failure not in self.refusals:
            self.refusals.append(failure)

    def warn(self, message: str) -> None:
        """What a person should know, and what keeps from nothing."""
        if message not in self.warnings:
            self.warnings.append(message)

    @contextmanager
    def noted(self, doing: str) -> Iterator[None]:
        """Notes the error of what is done here, and goes on behind it."""
        try:
            yield
        except PantryError as error:
            self.refuse(error)
        except psycopg.Error as error:
            self.refuse(server_error(error, doing=doing))

    async def of(self, check: Awaitable[T], doing: str) -> T | None:
        """What a check found; None where it refused, which is noted."""
        with self.noted(doing):
            return await check
        return None
