"""What age encrypts to and opens with: recipients, which are public, and identities, which are secret."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pantry_tui.artifact.age.header import Stanza

FILE_KEY_LENGTH = 16
WRAPPED_LENGTH = FILE_KEY_LENGTH + 16  # with the tag; checked before opening, against partitioning oracles
NO_NONCE = bytes(12)  # each wrap key seals one thing only


class Recipient(ABC):
    """Somebody a file is encrypted to."""

    post_quantum = False
    alone = False  # whether it must be a file's only recipient

    @abstractmethod
    def wrap(self, file_key: bytes) -> Stanza:
        """The file key, for this recipient alone."""


class Identity(ABC):
    """The secret that opens what was encrypted to its recipient."""

    @abstractmethod
    def unwrap(self, stanza: Stanza, where: str) -> bytes | None:
        """The file key; None when the stanza is for somebody else.

        Raises `BackupDamagedError` for a stanza of this identity's kind that breaks the format's rules; ``where`` names
        the file.
        """


class PublicKey(Recipient):
    """A recipient that can be written down: `age1…`."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The recipient as everybody writes it."""

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


class SecretKey(Identity):
    """An identity that can be written down: `AGE-SECRET-KEY-…`. Its repr shows the recipient only."""

    @property
    @abstractmethod
    def recipient(self) -> PublicKey:
        """The public side."""

    @property
    @abstractmethod
    def secret_text(self) -> str:
        """The secret itself, as it stands in an identity file."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(recipient={self.recipient.text!r})"
