"""Whatever happened to a database since its full backup, an incremental one and that restore to what it is now."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from pantry_tui.backup import base, layout
from pantry_tui.models import BackupFormat, BackupKind, Compression, RepositoryTarget
from tests.engine.backup.taking import FORMS, take
from tests.engine.incremental.histories import SCHEMA, Sessions, statements
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

RESTORED = "restored_history"
BATCH = 120  # rows of a segment: the larger tables have some

Form = tuple[BackupFormat, Compression]


class History(RuleBasedStateMachine):
    """A database that lives; full backups, and incremental ones that are restored and compared."""

    server: ClassVar[TestServer]
    forms: ClassVar[list[Form]] = FORMS[:1]

    def __init__(self) -> None:
        super().__init__()
        self.opened = ExitStack()
        self.opened.enter_context(self.server.tidy())
        directory = self.opened.enter_context(tempfile.TemporaryDirectory())
        self.repository = RepositoryTarget(name="history", location=str(Path(directory) / "repository"))
        self.source = self.server.create_database()
        self.admin = self.server.connect(self.source)
        self.sessions = Sessions(self.admin, self.server.connect(self.source))
        self.bases: list[tuple[str, Form]] = []

    @initialize(before=st.lists(statements(), max_size=5), is_open=st.booleans(), is_prepared=st.booleans())
    def begin(self, before: list[str], *, is_open: bool, is_prepared: bool) -> None:
        self.admin.execute(SCHEMA)
        for statement in before:
            self.happen(statement)
        if is_open:
            self.sessions.begin()
        if is_prepared:
            self.sessions.prepare()
        self.take_full(self.forms[0])

    @rule(statement=statements())
    def happen(self, statement: str) -> None:
        if statement.startswith(("ALTER", "TRUNCATE", "DROP", "CLUSTER", "VACUUM (FULL)", "DO")):
            self.sessions.end(commit=True)  # would wait for its locks
            self.sessions.finish_prepared(commit=True)
        parts = statement.split("; ") if statement.startswith(("BEGIN", "ALTER", "DROP")) else [statement]
        for part in parts:
            self.admin.execute(part.encode())

    @rule()
    def begin_another(self) -> None:
        self.sessions.begin()

    @rule()
    def write_in_another(self) -> None:
        self.sessions.write()

    @rule(commit=st.booleans())
    def end_another(self, *, commit: bool) -> None:
        self.sessions.end(commit=commit)

    @rule()
    def prepare(self) -> None:
        self.sessions.prepare()

    @rule(commit=st.booleans())
    def finish_prepared(self, *, commit: bool) -> None:
        self.sessions.finish_prepared(commit=commit)

    @rule(data=st.data())
    def full(self, data: st.DataObject) -> None:
        self.take_full(data.draw(st.sampled_from(self.forms)))

    def take_full(self, form: Form) -> None:
        rows_format, compression = form
        taken = asyncio.run(
            take(
                self.source, self.repository, jobs=1, rows_format=rows_format, compression=compression, batch_size=BATCH
            )
        )
        self.bases.append((taken.summary.id, form))

    @precondition(lambda self: self.bases)
    @rule(data=st.data())
    def incremental(self, data: st.DataObject) -> None:
        base, (rows_format, compression) = data.draw(st.sampled_from(self.bases))
        kind = BackupKind.INCREMENTAL
        delta = asyncio.run(
            take(
                self.source,
                self.repository,
                jobs=1,
                kind=kind,
                base=base,
                rows_format=rows_format,
                compression=compression,
            )
        )
        assert delta.summary.base == base
        try:
            target = self.server.target(RESTORED)
            asyncio.run(restore(target, self.repository, backup_id=delta.summary.id, jobs=1, analyze=False))
            assert self.server.fingerprint(target) == self.server.fingerprint(self.source)
        finally:
            self.server.drop_database(RESTORED)

    def teardown(self) -> None:
        with self.opened:
            self.sessions.end_all()


@pytest.fixture
def machine(server: TestServer) -> type[History]:
    History.server = server
    return History


def run(machine: type[History], examples: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=10, deadline=None, suppress_health_check=checks, print_blob=True
        ),
    )


@pytest.mark.timeout(600)
def test_histories(machine: type[History]) -> None:
    run(machine, 30)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_histories(machine: type[History]) -> None:
    run(machine, 300)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_histories_in_every_form_and_many_ranges(machine: type[History], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (layout, base):
        monkeypatch.setattr(module, "RANGE_BYTES", 20_000)
    monkeypatch.setattr(machine, "forms", FORMS)
    run(machine, 30)
