"""How requests to a runner and its answers are written; for every client, whatever carries them."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from pantry_tui.errors import RunnerError
from pantry_tui.models import Failure, RepositoryTarget, StoreAccess

VERSION_HEADER = "X-Pantry-Version"

Answer = TypeVar("Answer")


def read_answer(status: int, body: bytes, kind: type[Answer]) -> Answer:
    """An answer as a value. Raises the error that it reports, or `RunnerError` when it makes no sense."""
    try:
        if status >= 400:
            raise msgspec.json.decode(body, type=Failure).as_error()
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunnerError(
            f"the runner's answer cannot be understood: {error}", remedy="is it of another version? restart it"
        ) from error


def repository_query(repository: RepositoryTarget, **more: str | int | None) -> dict[str, str]:
    """The query that names a repository, and what else is given."""
    given = {name: str(value) for name, value in more.items() if value is not None}
    store = {} if repository.store is None else {"store": repository.store.to_json().decode()}
    return {"repository": repository.name, "location": repository.location, **store, **given}


def queried_repository(query: Mapping[str, str]) -> RepositoryTarget:
    """The repository that a query names. Raises KeyError for what is missing, `msgspec.ValidationError`."""
    store = StoreAccess.from_json(query["store"]) if "store" in query else None
    return RepositoryTarget(name=query["repository"], location=query["location"], store=store)


def path_part(text: str) -> str:
    """Text as one part of a path; `..` and the like name nothing."""
    return urllib.parse.quote(text, safe="").replace(".", "%2E")
