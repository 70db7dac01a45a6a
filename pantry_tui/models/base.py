"""The base of every value that crosses a process border, and the failure that does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self

import msgspec

from pantry_tui.errors import PantryError, error_from_code


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value that reads and writes JSON."""

    def to_json(self) -> bytes:
        """This value as one line of JSON."""
        return msgspec.json.encode(self)

    def to_builtins(self) -> dict[str, Any]:
        """This value as plain dicts, lists and strings."""
        value: dict[str, Any] = msgspec.to_builtins(self)
        return value

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """Reads the value back. Raises `msgspec.ValidationError` when the data does not fit."""
        return msgspec.json.decode(data, type=cls)

    @classmethod
    def from_builtins(cls, data: object) -> Self:
        """The reverse of `to_builtins`. Raises `msgspec.ValidationError` when the data does not fit."""
        return msgspec.convert(data, type=cls)


def utc_now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


class Failure(Model, frozen=True, kw_only=True):
    """An error of `pantry_tui.errors`, as it crosses a process border."""

    code: str
    message: str
    remedy: str | None = None
    detail: str | None = None
    exit_status: int = 1

    @classmethod
    def of(cls, error: PantryError) -> Failure:
        """The failure that describes ``error``."""
        return cls(
            code=error.code,
            message=error.message,
            remedy=error.remedy,
            detail=error.detail,
            exit_status=error.exit_status,
        )

    def as_error(self) -> PantryError:
        """The error again, to be raised on this side of the border."""
        return error_from_code(self.code, self.message, remedy=self.remedy, detail=self.detail)
