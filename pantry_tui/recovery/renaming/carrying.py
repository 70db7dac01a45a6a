"""Carrying schemas from a working database into another one of the same server: pg_dump into pg_restore, nothing on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pantry_tui.artifact.content import Content
from pantry_tui.errors import ClientToolError, RestoreError
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import child_environment, conninfo
from pantry_tui.postgres.processes import ToolOutput, run_tool
from pantry_tui.postgres.tools import ClientTools
from pantry_tui.recovery.archive import Archive
from pantry_tui.together import together

_PIECE = 256 * 1024
# A copy is no member of what is published, and takes part in no subscription.
_LEFT_OUT = ("--no-publications", "--no-subscriptions")


async def carry_schemas(
    tools: ClientTools, source: DatabaseTarget, target: DatabaseTarget, schemas: Sequence[str]
) -> list[str]:
    """Makes ``schemas`` of ``source`` in ``target``, in one transaction; returns the warnings of the tools.

    Raises `RestoreError` with what the server said, and the server's errors that have a class of their own.
    """
    pipe = _Pipe()
    try:
        outputs = await together([_dump(tools, source, schemas, pipe), _restore(tools, target, pipe)])
    except ClientToolError as error:
        if type(error) is not ClientToolError:
            raise
        raise RestoreError(
            error.message,
            remedy="see what the server said: a table, type or function of another schema may be missing there",
            detail=error.detail,
        ) from error
    finally:
        pipe.close()
    return [line for output in outputs for line in output.stderr.splitlines() if line.strip()]


class _Pipe:
    """Two ends, each closed once: a tool that waits for the other must see that it is gone."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self._open = {self.reading, self.writing}

    def close(self, *ends: int) -> None:
        """Closes these ends, or what is open of both."""
        for end in self._open.intersection(ends or (self.reading, self.writing)):
            self._open.discard(end)
            os.close(end)


async def _dump(tools: ClientTools, source: DatabaseTarget, schemas: Sequence[str], pipe: _Pipe) -> ToolOutput:
    try:
        return await run_tool(
            [
                tools.path("pg_dump"),
                "--format=custom",
                "--compress=0",
                "--no-password",
                "--no-sync",
                "--strict-names",
                *_LEFT_OUT,
                *(f"--schema={_pattern(schema)}" for schema in schemas),
                f"--file=/dev/fd/{pipe.writing}",
                f"--dbname={conninfo(source, application='restore')}",
            ],
            environment=child_environment(source),
            doing="reading the renamed schemas",
            descriptors=(pipe.writing,),
        )
    finally:
        pipe.close(pipe.writing)


async def _restore(tools: ClientTools, target: DatabaseTarget, pipe: _Pipe) -> ToolOutput:
    """By its standard input: a file it opens twice, and what a pipe has given is gone."""
    options = Archive(content=Content(Path()), tools=tools, target=target).options()
    environment = child_environment(target)
    environment.pop("PGOPTIONS", None)  # part of the connection string, which comes first
    try:
        return await run_tool(
            [tools.path("pg_restore"), "--single-transaction", *_LEFT_OUT, *options],
            environment=environment,
            doing="making the renamed schemas",
            stdin_from=iter(lambda: os.read(pipe.reading, _PIECE), b""),
        )
    finally:
        pipe.close(pipe.reading)


def _pattern(name: str) -> str:
    """A pattern that matches this name alone."""
    return '"' + name.replace('"', '""') + '"'
