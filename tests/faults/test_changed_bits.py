"""Whatever bit changes, and wherever a file is cut off: a backup that is not what was written is never called valid."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pantry_tui.artifact.age import CHUNK, X25519Identity
from pantry_tui.backup.validate import validate_backup
from pantry_tui.demo.crm import create_crm
from pantry_tui.errors import BackupDamagedError
from pantry_tui.events import ignore
from pantry_tui.models import RepositoryTarget, Unlocking, ValidateRequest
from tests.engine.backup.taking import FORMS, Taken, data_directory_of, take
from tests.servers import TestServer

IDENTITY = X25519Identity.generate()
FEW = 8
ALL = 50  # of each of the eight kinds: 400 in all


@pytest.fixture(params=[(*form, sealed) for form in FORMS for sealed in (False, True)], ids=str)
async def taken(request: pytest.FixtureRequest, server: TestServer, repository: RepositoryTarget) -> Taken:
    rows_format, compression, sealed = request.param
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    await create_crm(source, scale=0.002, listener=ignore)
    recipients = (IDENTITY.recipient.text,) if sealed else ()
    return await take(source, repository, rows_format=rows_format, compression=compression, recipients=recipients)


async def is_valid(repository: RepositoryTarget) -> bool:
    request = ValidateRequest(
        repository=repository,
        backup_id="latest",
        unlocking=Unlocking(identities=(IDENTITY.secret_text,)),
        data_directory=data_directory_of(repository),
    )
    try:
        return (await validate_backup(request, ignore)).valid
    except BackupDamagedError:
        return False


@pytest.mark.parametrize("flips", [FEW, pytest.param(ALL, marks=pytest.mark.slow)])
async def test_every_changed_bit_is_found(taken: Taken, repository: RepositoryTarget, flips: int) -> None:
    chance = random.Random(flips)
    names = [file.name for file in taken.manifest.files] + ["manifest.json", "manifest.json.sig"]
    files = [taken.directory / name for name in names]
    for _ in range(flips):
        file = chance.choice(files)
        whole = file.read_bytes()
        changed = bytearray(whole)
        changed[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        file.write_bytes(changed)
        assert not await is_valid(repository), (file.name, flips)
        file.write_bytes(whole)
    assert await is_valid(repository)


def borders(taken: Taken, file: Path) -> list[int]:
    """Where something ends in a file: segments of the artifact, chunks of what is encrypted."""
    size = file.stat().st_size
    ends = {0, size}
    if not taken.manifest.is_encrypted:
        tables = [table.file for table in taken.manifest.tables]
        ends |= {
            segment.offset + segment.length
            for segment in taken.manifest.segments
            if file.name == taken.manifest.file("artifact").name
            or (file.parent.name == "csv" and file.name == tables[segment.table or 0])
        }
    else:
        ends |= set(range(0, size, CHUNK + 16))
    return sorted({end + step for end in ends for step in (-1, 0, 1) if 0 <= end + step < size})


@pytest.mark.parametrize("most", [FEW, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_every_cut_is_found(taken: Taken, repository: RepositoryTarget, most: int) -> None:
    for stored in taken.manifest.files:
        file = taken.directory / stored.name
        whole = file.read_bytes()
        cuts = borders(taken, file)
        for length in random.Random(most).sample(cuts, min(most, len(cuts))):
            file.write_bytes(whole[:length])
            assert not await is_valid(repository), (file.name, length)
        file.write_bytes(whole)
    assert await is_valid(repository)
