"""The corpus loads, and its databases are what its fingerprints say."""

from __future__ import annotations

import json
from pathlib import Path

from tests.servers import TestServer


def test_pagila_loads_as_recorded(any_server: TestServer, corpus: Path) -> None:
    taken = any_server.fingerprint(any_server.load_corpus("pagila"))
    recorded = json.loads((corpus / "pagila.fingerprint.json").read_text())

    assert taken["tables"] == recorded["tables"]
    assert taken["sequences"] == recorded["sequences"]


def test_the_regression_database_loads_as_recorded(system_server: TestServer, corpus: Path) -> None:
    taken = system_server.fingerprint(system_server.load_corpus("regression"))
    recorded = json.loads((corpus / "postgres15-regression.fingerprint.json").read_text())

    assert taken["tables"] == recorded["tables"]
    assert taken["large_objects"] == recorded["large_objects"]


def test_clones_of_the_corpus_are_separate(server: TestServer) -> None:
    first, second = server.load_corpus("pagila"), server.load_corpus("pagila")

    server.execute(first, "DROP TABLE public.payment CASCADE")

    assert server.execute(second, "SELECT count(*) > 0 FROM public.payment") == [(True,)]
