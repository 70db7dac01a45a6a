"""The metrics as a file for Prometheus's node_exporter, whose textfile collector reads every `*.prom` of a directory."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from pantry_tui.artifact.files import create_exclusive, fsync_directory, storage_errors, write_all

READABLE = 0o644  # the exporter is another user; nothing in it is secret


def write_textfile(path: Path, text: str) -> None:
    """Puts ``text`` at ``path``, whole or not at all, readable for everybody. Raises `StorageError`.

    The temporary file lies beside it and does not end in `.prom`: the exporter would read it, too. The directory is not
    made: it belongs to the exporter.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with storage_errors(path, "writing the metrics for node_exporter"):
        descriptor = create_exclusive(temporary)
        try:
            with contextlib.closing(os.fdopen(descriptor, "wb")):
                os.fchmod(descriptor, READABLE)
                write_all(descriptor, text.encode(errors="backslashreplace"))
                os.fsync(descriptor)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        fsync_directory(path.parent)
