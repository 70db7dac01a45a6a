"""A small database and the command line at work on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import CommandLine
from tests.servers import TestServer

SCHEMA = """
CREATE TABLE contacts (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE notes (id serial PRIMARY KEY, contact int REFERENCES contacts, body text);
INSERT INTO contacts SELECT g, 'contact ' || g FROM generate_series(1, 500) g;
INSERT INTO notes (contact, body) SELECT id, repeat(name, 3) FROM contacts;
"""


@pytest.fixture
def crm(server: TestServer) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, SCHEMA)
    return target


@pytest.fixture
def cli(tmp_path: Path, crm: DatabaseTarget) -> Iterator[CommandLine]:
    command_line = CommandLine(tmp_path, crm)
    yield command_line
    command_line.end_runner()
