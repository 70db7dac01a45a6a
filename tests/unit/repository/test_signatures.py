"""Who signed what in a repository: changes show, and only those who are trusted are believed."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.artifact.manifest import MANIFEST_NAME
from pantry_tui.artifact.signing_key import signing_key
from pantry_tui.artifact.trusted import UNSIGNED, trusted_file
from pantry_tui.errors import BackupDamagedError, ConfigError, PantryError, UntrustedSignerError, UsageError
from pantry_tui.models import MarkRequest, RepositoryTarget, Signature
from pantry_tui.repository.local import LocalRepository, ProofRecord
from pantry_tui.repository.stored_manifest import SIGNATURE_NAME
from tests.unit.repository.samples import NOON, every_changed_byte, installation, local_repository, publish_backup


@pytest.fixture
def local(tmp_path: Path) -> LocalRepository:
    return local_repository(tmp_path / "backups")


@pytest.fixture
def elsewhere(local: LocalRepository, tmp_path: Path) -> LocalRepository:
    """The same repository, seen by a machine with keys of its own."""
    signing_key(tmp_path / "elsewhere")
    return LocalRepository(local.target, tmp_path / "elsewhere")


def fingerprint(repository: LocalRepository) -> str:
    return signing_key(installation(repository.directory)).signer.fingerprint


class TestManifests:
    def test_each_is_signed_by_the_installation_that_published_it(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        manifest, signer = local.trusted_manifest(made)
        assert manifest == local.manifest(made)
        assert signer is not None
        assert signer.fingerprint == fingerprint(local)
        assert local.signature_problems() == []

    @pytest.mark.parametrize("name", [MANIFEST_NAME, SIGNATURE_NAME])
    def test_every_changed_byte_is_found(self, local: LocalRepository, name: str) -> None:
        made = publish_backup(local)
        for _ in every_changed_byte(local.path(made) / name):
            with pytest.raises(BackupDamagedError):
                local.trusted_manifest(made, besides=[UNSIGNED, fingerprint(local)])

    @pytest.mark.parametrize("names", [[MANIFEST_NAME, SIGNATURE_NAME], [MANIFEST_NAME], [SIGNATURE_NAME]])
    def test_files_of_another_backup(self, local: LocalRepository, names: list[str]) -> None:
        made, other = publish_backup(local), publish_backup(local, at=NOON + timedelta(hours=1))
        for name in names:
            shutil.copyfile(local.path(other) / name, local.path(made) / name)
        with pytest.raises(BackupDamagedError, match="another backup" if len(names) == 2 else "not what was signed"):
            local.trusted_manifest(made)
        assert local.signature_problems() != []

    def test_without_its_signature_it_is_believed_only_when_asked_for(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        (local.path(made) / SIGNATURE_NAME).unlink()
        for besides in ([], [fingerprint(local)]):
            with pytest.raises(UntrustedSignerError, match=f"backup {made} has no signature") as caught:
                local.trusted_manifest(made, besides=besides)
        assert "--trust unsigned" in str(caught.value.remedy)
        assert local.trusted_manifest(made, besides=[UNSIGNED]) == (local.manifest(made), None)
        (problem,) = local.signature_problems()
        assert problem.startswith(f"backup {made} has no signature")

    def test_another_installation_trusts_its_signer_by_name(
        self, local: LocalRepository, elsewhere: LocalRepository, tmp_path: Path
    ) -> None:
        made, known = publish_backup(local), fingerprint(local)
        for besides in ([], [UNSIGNED]):
            with pytest.raises(
                UntrustedSignerError, match=re.escape(f"backup {made} is signed by {known}, whom")
            ) as caught:
                elsewhere.trusted_manifest(made, besides=besides)
        assert f"--trust {known}" in str(caught.value.remedy)
        assert str(trusted_file(tmp_path / "elsewhere")) in str(caught.value.remedy)
        (problem,) = elsewhere.signature_problems()
        assert known in problem
        assert elsewhere.trusted_manifest(made, besides=[known])[0].id == made
        trusted_file(tmp_path / "elsewhere").write_text(f"{known} the first machine\n")
        again = LocalRepository(local.target, tmp_path / "elsewhere")
        assert again.trusted_manifest(made)[0].id == made
        assert again.signature_problems() == []

    def test_a_signature_that_is_no_file_of_its_own(self, local: LocalRepository, tmp_path: Path) -> None:
        made = publish_backup(local)
        file = local.path(made) / SIGNATURE_NAME
        file.rename(tmp_path / "moved")
        file.symlink_to(tmp_path / "moved")
        with pytest.raises(PantryError, match="reading a signature"):
            local.trusted_manifest(made)
        assert local.manifest(made).id == made
        assert len(local.signature_problems()) == 1

    def test_the_details_say_what_it_is_worth_here(self, local: LocalRepository, elsewhere: LocalRepository) -> None:
        made, known = publish_backup(local), fingerprint(local)

        def details(repository: LocalRepository) -> tuple[Signature, str | None]:
            shown = repository.details(made)
            return shown.signature, shown.signer

        assert details(local) == (Signature.TRUSTED, known)
        assert details(elsewhere) == (Signature.UNKNOWN, known)
        file = local.path(made) / SIGNATURE_NAME
        file.write_bytes(file.read_bytes().replace(b"1", b"2"))
        assert details(local) == (Signature.WRONG, None)
        file.unlink()
        assert details(local) == (Signature.MISSING, None)


class TestKeys:
    def test_nothing_is_published_without_a_key(self, local: LocalRepository) -> None:
        publish_backup(local)
        key = installation(local.directory) / "keys" / "signing.key"
        key.chmod(0o640)
        before = local.ids()
        with pytest.raises(ConfigError, match="others can read"):
            publish_backup(local_repository(local.directory))
        assert local.ids() == before

    def test_who_names_no_data_directory_signs_and_believes_nothing(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        local.add_record(made, ProofRecord(kind="restore", at=NOON, ok=True))
        nobody = LocalRepository(local.target)
        with pytest.raises(UsageError, match="whose key is to sign"):
            nobody.add_record(made, ProofRecord(kind="restore", at=NOON, ok=True))
        with pytest.raises(UsageError, match="whose key is to sign"):
            nobody.delete(made, by="anna", force=True)
        with pytest.raises(UntrustedSignerError):
            nobody.trusted_manifest(made)
        assert nobody.records(made) == ()
        assert nobody.ids() == [made]


class TestRecords:
    @pytest.fixture
    def made(self, local: LocalRepository) -> str:
        made = publish_backup(local)
        local.mark(made, MarkRequest(pinned=True, label="before 2.4"), by="anna")
        local.add_record(made, ProofRecord(kind="restore", at=NOON, ok=True))
        return made

    def record(self, local: LocalRepository, made: str, kind: str) -> Path:
        (found,) = local.path(made).glob(f"{kind}-*.json")
        return found

    @pytest.mark.parametrize("kind", ["pin", "label", "restore"])
    def test_every_changed_byte_is_found(self, local: LocalRepository, made: str, kind: str) -> None:
        for _ in every_changed_byte(self.record(local, made, kind)):
            assert kind not in [record.kind for record in local.records(made)]
            assert len(local.oddities(made)) == 1
            assert local.problems(made) == []

    def test_one_of_another_backup_says_nothing(self, local: LocalRepository, made: str) -> None:
        other = publish_backup(local, at=NOON + timedelta(hours=1))
        for kind in ("pin", "restore"):
            shutil.copy(self.record(local, made, kind), local.path(other))
        assert local.summary(other).proven_at is None
        assert not local.summary(other).pinned
        assert len(local.oddities(other)) == 2

    def test_one_of_a_stranger_says_nothing_until_that_is_trusted(
        self, local: LocalRepository, elsewhere: LocalRepository, made: str
    ) -> None:
        elsewhere.mark(made, MarkRequest(pinned=False), by="mallory")
        assert local.summary(made).pinned
        (odd,) = local.oddities(made)
        stranger = elsewhere.authority.key.signer.fingerprint
        assert stranger in odd
        trusted_file(installation(local.directory)).write_text(stranger)
        trusting = local_repository(local.directory)
        assert not trusting.summary(made).pinned
        assert trusting.oddities(made) == []


class TestReplacements:
    def test_what_a_stranger_slipped_in_replaces_no_backup(
        self, local: LocalRepository, elsewhere: LocalRepository
    ) -> None:
        made = publish_backup(local)
        publish_backup(elsewhere, at=NOON + timedelta(hours=1))
        with pytest.raises(PantryError, match="the last valid backup"):
            local.delete(made, by="anna")
        assert made in local.ids()

    @pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_bytes(b"{}")])
    def test_nor_does_one_whose_signature_is_gone(
        self, local: LocalRepository, spoil: Callable[[Path], object]
    ) -> None:
        made, other = publish_backup(local), publish_backup(local, at=NOON + timedelta(hours=1))
        spoil(local.path(other) / SIGNATURE_NAME)
        with pytest.raises(PantryError, match="the last valid backup"):
            local.delete(made, by="anna")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_says_the_same(local: LocalRepository, tmp_path: Path) -> None:
    """As docs/formats.md shows it."""
    directory = local.path(publish_backup(local))
    signature = json.loads((directory / SIGNATURE_NAME).read_text())
    der = bytes.fromhex("302a300506032b6570032100")
    (tmp_path / "signer.der").write_bytes(der + base64.b64decode(signature["public_key"]))
    (tmp_path / "signature").write_bytes(base64.b64decode(signature["signature"]))
    signed = b"pantry-tui signature v1: manifest\n" + (directory / MANIFEST_NAME).read_bytes()
    for data, status in ((signed, 0), (signed[:-1], 1)):
        (tmp_path / "signed").write_bytes(data)
        command = "openssl pkeyutl -verify -pubin -keyform DER -inkey signer.der -rawin -in signed -sigfile signature"
        done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == status, done.stderr


def test_an_installation_is_told_by_its_key_and_not_by_its_place(local: LocalRepository, tmp_path: Path) -> None:
    made = publish_backup(local)
    installation(local.directory).rename(tmp_path / "moved")
    target = RepositoryTarget(name="main", location=str(local.directory))
    assert LocalRepository(target, tmp_path / "moved").trusted_manifest(made)[0].id == made
