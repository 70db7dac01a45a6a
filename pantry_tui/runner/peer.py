"""Who is at the other end of the socket: the kernel's word for the user, the client's own for the way it came."""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Mapping

import msgspec

from pantry_tui.runner.directory import user_name

SUDO_HEADER = "X-Pantry-Sudo-User"
SSH_HEADER = "X-Pantry-SSH-Client"

# Of names and addresses, and nothing that could be taken for the words around it
_SPOKEN = re.compile(r"[^A-Za-z0-9._@:%+$\\-]")
_CREDENTIALS = struct.Struct("3i")
_LONGEST = 100
_LONGEST_CLAIM = 300


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """A client of the API."""

    pid: int
    uid: int
    sudo_user: str = ""
    ssh_client: str = ""

    @property
    def may_use(self) -> bool:
        """Whether this runner obeys it: the same user, or root."""
        return self.uid in (os.geteuid(), 0)

    @property
    def name(self) -> str:
        """Who it is, for people and for the audit trail; what it says of itself is told as no more than that."""
        said = [
            f"sudo by {self.sudo_user}" if self.sudo_user else "",
            self.ssh_client and f"ssh from {self.ssh_client}",
        ]
        way = ", ".join(filter(None, said))
        return f"{self.user} (says: {way})" if way else self.user

    @property
    def user(self) -> str:
        """The user, by the kernel's word."""
        return user_name(self.uid)

    def starter(self, claim: str) -> str:
        """Who starts something: what the client says, `user@host` and more, where the user is the one that it is."""
        is_credible = claim.startswith(f"{self.user}@") and claim.isprintable() and len(claim) <= _LONGEST_CLAIM
        return claim if is_credible else self.name


def peer_of(connection: socket.socket, headers: Mapping[str, str]) -> Peer:
    """The client of a connection, by SO_PEERCRED (unix(7)), and what it says of itself in headers."""
    pid, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(
        pid=pid, uid=uid, sudo_user=_plain(headers.get(SUDO_HEADER)), ssh_client=_plain(headers.get(SSH_HEADER))
    )


def own_headers(environment: Mapping[str, str]) -> dict[str, str]:
    """What a client says of itself: the account behind sudo, and the address behind ssh."""
    said = {SUDO_HEADER: environment.get("SUDO_USER"), SSH_HEADER: environment.get("SSH_CLIENT", "").partition(" ")[0]}
    return {name: _plain(value) for name, value in said.items() if _plain(value)}


def _plain(text: str | None) -> str:
    return _SPOKEN.sub("", text or "")[:_LONGEST]
