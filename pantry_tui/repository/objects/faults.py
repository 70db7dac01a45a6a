"""What is said when an object store refuses or does not answer.

The client's own messages hold addresses, and those of a store may hold keys and signatures: only the status, the store's code
and its sentence are passed on, with every secret of this process taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from pantry_tui.config.references import redact
from pantry_tui.errors import DiskFullError, StorageError, StoreAccessError, StoreUnreachableError

_STATUS = re.compile(r"status(?: code)?:? (\d{3})\b")
_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,80})</Code>")
_SENTENCE = re.compile(r"<Message>([^<]{1,300})</Message>")
_CUT = "the connection was cut"
_CAUSES = (
    ("connection refused", "the connection was refused"),
    ("dns error", "its name cannot be resolved"),
    ("certificate", "its certificate is not trusted, or is of another name"),
    ("timed out", "it did not answer in time"),
    ("kind: timeout", "it did not answer in time"),
    ("connection reset", _CUT),
    ("kind: interrupted", _CUT),
    ("connection closed", _CUT),
    ("broken pipe", _CUT),
    ("incomplete", _CUT),
    ("end of file", _CUT),
    ("error decoding response body", _CUT),
)
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "XAmzStorageFull", "StorageFull"})
_STALE = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "RequestExpired"})
_SKEWED = frozenset({"RequestTimeTooSkewed"})
_UNKNOWN_KEY = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthorizationHeaderMalformed"})
_BUSY = frozenset({"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling"})
_CHANGED = frozenset({"BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest", "XAmzContentChecksumMismatch"})


class Answer(NamedTuple):
    """What a store answered, as far as it is worth telling."""

    status: int | None
    code: str
    sentence: str
    cause: str

    @property
    def detail(self) -> str | None:
        """It in one line."""
        parts = (str(self.status) if self.status else "", self.code, self.sentence or self.cause)
        return " ".join(filter(None, parts)) or None


def is_stale(error: BaseException) -> bool:
    """Whether newer credentials may be all that is wanted."""
    return _answer(error).code in _STALE


def is_cut(error: BaseException) -> bool:
    """Whether the connection ended before there was an answer."""
    return _answer(error).cause == _CUT


def is_there_already(error: BaseException) -> bool:
    """Whether an object of that name stood in the way of a new one."""
    return isinstance(error, AlreadyExistsError | PreconditionError)


def store_error(error: BaseError, *, store: str, doing: str, secrets: Iterable[str] = ()) -> StorageError:
    """The error of this program for what the client or the store said. ``doing``: "writing", "reading", with the object."""
    answer = _answer(error)
    detail = redact(answer.detail, secrets) if answer.detail else None
    if isinstance(error, NotSupportedError) or answer.status == 501:
        return StorageError(
            f"{doing}: {store} lacks what this takes",
            remedy="use a store that makes objects only where none is (If-None-Match)",
            detail=detail,
        )
    if answer.code in _FULL or answer.status == 507:
        return DiskFullError(
            f"{doing}: {store} has no room left",
            remedy="raise its quota, or delete backups there that are no longer needed",
            detail=detail,
        )
    if answer.code == "NoSuchBucket":
        return StorageError(
            f"{doing}: {store}: there is no such bucket", remedy="make it, or correct its name", detail=detail
        )
    if answer.code in _CHANGED:
        return StorageError(
            f"{doing}: what arrived at {store} is not what was sent",
            remedy="try again; where it happens again, look for what changes bytes on the way",
            detail=detail,
        )
    denied = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    if denied or answer.status in (401, 403) or answer.code in _STALE | _SKEWED | _UNKNOWN_KEY:
        return _refused(answer, store, doing, detail)
    if answer.status is None or answer.status >= 500 or answer.code in _BUSY:
        return _unreachable(answer, store, doing, detail)
    return StorageError(f"{doing}: {store} refuses", remedy="see what it said", detail=detail)


def _refused(answer: Answer, store: str, doing: str, detail: str | None) -> StoreAccessError:
    if answer.code in _STALE:
        why, remedy = "the credentials have expired", "renew them, then try again: what is there is not sent again"
    elif answer.code in _SKEWED:
        why, remedy = "the clocks of this machine and of the store are too far apart", "set this machine's clock"
    elif answer.code in _UNKNOWN_KEY:
        why, remedy = "the credentials are not accepted", "check access_key, secret_key and region of the repository"
    else:
        why = "this host may not"
        remedy = "give its credentials the right to; where they must not delete, let those with other credentials do it"
    return StoreAccessError(f"{doing}: {store}: {why}", remedy=remedy, detail=detail)


def _unreachable(answer: Answer, store: str, doing: str, detail: str | None) -> StoreUnreachableError:
    busy = answer.status is not None
    why = "it answers with a fault of its own" if busy else answer.cause or "it does not answer"
    remedy = "try again later" if busy else "check the endpoint, the network and the certificate, then try again"
    return StoreUnreachableError(f"{doing}: {store} cannot be used: {why}", remedy=remedy, detail=detail)


def _answer(error: BaseException) -> Answer:
    text = str(error)
    status, code, sentence = _STATUS.search(text), _CODE.search(text), _SENTENCE.search(text)
    small = text.lower()
    cause = next((words for sign, words in _CAUSES if sign in small), "")
    return Answer(int(status[1]) if status else None, code[1] if code else "", sentence[1] if sentence else "", cause)
