"""Somebody who goes on writing while a recovery is at work, and remembers what was committed."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg

from pantry_tui.models import DatabaseTarget

FIRST_OWN = 10_000  # rows of the writer's own have ids from here on
PATIENCE_SECONDS = 60.0

Rows = dict[int, str]


class Written(NamedTuple):
    """A statement that was committed: "insert", "update" or "delete", and whether it met a row."""

    what: str
    id: int
    value: str
    met: bool


class Writer:
    """Writes to table `t (id int, v text)`, a transaction after the other, in a thread."""

    def __init__(self, target: DatabaseTarget, *, only_inserts: bool = False) -> None:
        self._conninfo = target.conninfo
        self._random = random.Random(5)
        self._kinds = ("insert",) if only_inserts else ("insert", "update", "delete")
        self._numbers = itertools.count()
        self._over = threading.Event()
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._run)
        self.log: list[Written] = []
        self.cut = 0  # how often its session was ended

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with psycopg.connect(self._conninfo, autocommit=True) as connection:
                    while not self._over.is_set():
                        self._write(connection)
            except psycopg.OperationalError:
                self.cut += 1

    def _write(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        what, number = self._random.choice(self._kinds), next(self._numbers)
        value = f"{what} {number}"
        row = FIRST_OWN + number if what == "insert" else self._random.randint(1, 200)
        statement = {
            "insert": "INSERT INTO t (id, v) VALUES (%(id)s, %(v)s)",
            "update": "UPDATE t SET v = %(v)s WHERE id = %(id)s",
            "delete": "DELETE FROM t WHERE id = %(id)s",
        }[what]
        met = connection.execute(statement.encode(), {"id": row, "v": value}).rowcount == 1
        with self._moved:
            self.log.append(Written(what, row, value, met))
            self._moved.notify_all()

    def goes_on(self, more: int = 10) -> None:
        """Waits until it has written that many times more."""
        with self._moved:
            wanted = len(self.log) + more
            assert self._moved.wait_for(lambda: len(self.log) >= wanted, PATIENCE_SECONDS), "the writer is stuck"

    def end(self) -> None:
        """Waits for its end."""
        self._over.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()


@contextmanager
def writing(target: DatabaseTarget, *, only_inserts: bool = False) -> Iterator[Writer]:
    """A writer at work."""
    writer = Writer(target, only_inserts=only_inserts)
    writer._thread.start()
    try:
        writer.goes_on()
        yield writer
    finally:
        writer.end()


def replayed(rows: Rows, log: Iterable[Written]) -> Rows | None:
    """The rows after these statements; None where one of them cannot have met what it met."""
    found = dict(rows)
    for what, number, value, met in log:
        if what != "insert" and (number in found) != met:
            return None
        if what == "insert" or (what == "update" and met):
            found[number] = value
        elif what == "delete":
            found.pop(number, None)
    return found
