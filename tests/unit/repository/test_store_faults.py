"""What a store says becomes an error that names the thing, says what helps, and holds nothing secret."""

from __future__ import annotations

import pytest
from obstore.exceptions import BaseError, GenericError, PermissionDeniedError

from pantry_tui.errors import DiskFullError, StorageError, StoreAccessError, StoreUnreachableError
from pantry_tui.repository.objects.faults import is_stale, store_error

HEAD = "Generic S3 error: Error performing PUT https://u:hunter2@store.example/b/x?X-Amz-Signature=abc in 1.2s - "


def answer(status: int, code: str, message: str) -> GenericError:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message><StringToSign>s3cret</StringToSign></Error>"
    return GenericError(f"{HEAD}Server returned non-2xx status code: {status} Something: {body}")


CUT = GenericError(HEAD + "error sending request: Connection refused")
STRANGE = GenericError(HEAD + "invalid peer certificate: UnknownIssuer")
UNTRUSTED = "its certificate is not trusted, or is of another name"


@pytest.mark.parametrize(
    ("error", "kind", "message", "detail"),
    [
        (answer(503, "SlowDown", "Slower"), StoreUnreachableError, "a fault of its own", "503 SlowDown Slower"),
        (answer(403, "AccessDenied", "Denied"), StoreAccessError, "this host may not", "403 AccessDenied Denied"),
        (answer(403, "SignatureDoesNotMatch", "No"), StoreAccessError, "not accepted", "403 SignatureDoesNotMatch No"),
        (answer(404, "NoSuchBucket", "None"), StorageError, "there is no such bucket", "404 NoSuchBucket None"),
        (answer(507, "Other", "Full"), DiskFullError, "has no room left", "507 Other Full"),
        (answer(400, "Odd", "Why"), StorageError, "refuses", "400 Odd Why"),
        (PermissionDeniedError("The operation lacked the privileges"), StoreAccessError, "may not", None),
        (CUT, StoreUnreachableError, "refused", "the connection was refused"),
        (STRANGE, StoreUnreachableError, "certificate", UNTRUSTED),
        (GenericError("???"), StoreUnreachableError, "does not answer", None),
    ],
)
def test_what_is_said(error: BaseError, kind: type[StorageError], message: str, detail: str | None) -> None:
    found = store_error(error, store="offsite", doing="writing s3://b/x")
    assert (type(found), found.detail) == (kind, detail)
    assert found.message.startswith("writing s3://b/x: offsite")
    assert message in found.message
    assert found.remedy
    told = f"{found.message} {found.remedy} {found.detail}"
    assert not any(secret in told for secret in ("hunter2", "abc", "s3cret", "https://"))


def test_secrets_that_a_store_repeats_are_taken_out() -> None:
    error = answer(403, "AccessDenied", "key AKIA123 with hush may not")
    found = store_error(error, store="offsite", doing="reading s3://b/x", secrets=("AKIA123", "hush"))
    assert found.detail == "403 AccessDenied key *** with *** may not"


def test_only_expired_credentials_are_worth_asking_for_again() -> None:
    assert is_stale(answer(400, "ExpiredToken", "x"))
    assert not is_stale(answer(403, "AccessDenied", "x"))
