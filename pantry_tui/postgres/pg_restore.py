"""Running pg_restore on the archive of a backup, which may be one that only we can read."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager

from pantry_tui.artifact.content import Content
from pantry_tui.artifact.toc import use_list
from pantry_tui.postgres.processes import ToolOutput, run_tool
from pantry_tui.postgres.tools import ClientTools


async def pg_restore(
    tools: ClientTools,
    options: Sequence[str],
    archive: Content,
    *,
    environment: Mapping[str, str],
    doing: str,
    entries: Sequence[int] | None = None,
    stdout_to: Callable[[bytes], None] | None = None,
    answers: Container[int] = (),
) -> ToolOutput:
    """Runs pg_restore with these options; ``entries``: only with these of the archive.

    An archive that is encrypted, or in a store, goes to it through a pipe, of which it can read nothing in parallel. Raises
    as `run_tool` does.
    """
    path = archive.path
    with _listed(entries) as (descriptors, listing):
        return await run_tool(
            [tools.path("pg_restore"), *options, *listing, *([] if path is None else [str(path)])],
            environment=environment,
            doing=doing,
            stdin_from=archive.pieces() if path is None else None,
            stdout_to=stdout_to,
            answers=answers,
            descriptors=descriptors,
        )


@contextmanager
def _listed(entries: Sequence[int] | None) -> Iterator[tuple[tuple[int, ...], tuple[str, ...]]]:
    """The list as a file in memory: the descriptors to hand on, and the option that names it."""
    if entries is None:
        yield (), ()
        return
    descriptor = os.memfd_create("entries")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(use_list(entries))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield (descriptor,), (f"--use-list=/dev/fd/{descriptor}",)
    finally:
        os.close(descriptor)
