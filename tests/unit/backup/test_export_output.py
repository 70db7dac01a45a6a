"""What the name of an exported file says, and names that say something else."""

from __future__ import annotations

import pytest

from pantry_tui.artifact.compression import Codec
from pantry_tui.backup.export_output import codec_of_output
from pantry_tui.errors import UsageError
from pantry_tui.models import BackupFormat

SQL, JSON, CSV = BackupFormat.SQL, BackupFormat.JSON, BackupFormat.CSV


@pytest.mark.parametrize(
    ("output", "rows_format", "codec"),
    [
        ("/x.sql", SQL, Codec.PLAIN),
        ("/x.sql.gz", SQL, Codec.GZIP),
        ("/a.csv/x.json.zst", JSON, Codec.ZSTD),
        ("/X.SQL.GZ", SQL, Codec.GZIP),
        ("/x.Zip", CSV, Codec.PLAIN),
        ("/x.zip", CSV, Codec.PLAIN),
        ("-", CSV, Codec.PLAIN),
    ],
)
def test_the_ending_says_how_it_is_packed(output: str, rows_format: BackupFormat, codec: Codec) -> None:
    assert codec_of_output(output, rows_format, encrypted=False) is codec
    if output != "-":
        assert codec_of_output(f"{output}.age", rows_format, encrypted=True) is codec


@pytest.mark.parametrize(
    ("output", "rows_format", "encrypted"),
    [
        ("/x.sql.age", SQL, False),
        ("/x.sql", SQL, True),
        ("/x.age.sql", SQL, True),
        ("/x.json", SQL, False),
        ("/x.sql.gz", JSON, False),
        ("/x.zip", SQL, False),
        ("/x.zip.gz", JSON, False),
        ("/x.csv", CSV, False),
        ("/x.zip.gz", CSV, False),
        ("/x.zip", CSV, True),
    ],
)
def test_names_that_say_something_else(output: str, rows_format: BackupFormat, encrypted: bool) -> None:
    with pytest.raises(UsageError) as caught:
        codec_of_output(output, rows_format, encrypted=encrypted)
    assert output in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["/x", "/x.gz", "/x.sql.bz2", "/x.dump", "/x.txt", "/20261123T020000Z-daily-7f3a"])
def test_names_that_say_nothing(name: str) -> None:
    with pytest.raises(UsageError, match="does not end in a way that says") as caught:
        codec_of_output(name, SQL, encrypted=False)
    assert caught.value.remedy == "end it with one of .sql, .sql.gz, .sql.zst; or choose another format with -f"
