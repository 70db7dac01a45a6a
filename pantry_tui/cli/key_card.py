"""The card that is kept with a key: what it is for, and how to restore with it when this program is gone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pantry_tui.artifact.age import PublicKey

LOSS = "Whoever loses the identity, or its passphrase, loses every backup encrypted to it. Nobody can bring it back."

_CARD = """\
KEY OF ENCRYPTED DATABASE BACKUPS

Made on:    {made}
Recipient:  {recipient}
Identity:   {identity}, {protection}

Where copies of the identity are kept:    ______________________________
                                          ______________________________
Where its passphrase is kept:             ______________________________
Who to call:                              ______________________________

Backups encrypted to this recipient open only with its identity.
{loss}
This card holds no secret.

Restore with standard programs (age{age}, gzip, PostgreSQL):

    age -d -i IDENTITY BACKUP/globals.sql.age | psql -X -d postgres
    createdb -T template0 NEW
    age -d -i IDENTITY BACKUP/NAME.sql.gz.age | gunzip | psql -X -v ON_ERROR_STOP=1 -d NEW

Or with Pantry TUI:

    pantry-tui recovery execute latest --target NEW --identity IDENTITY
"""


def card(recipient: PublicKey, identity_file: Path, *, protected: bool, made: date) -> str:
    """The card's text. There is no form of it with the secret: a card is copied, mailed and photographed.

    Who wants the secret on paper prints the identity file itself, which is text, and protected by its passphrase.
    """
    return _CARD.format(
        made=made.isoformat(),
        recipient=recipient,
        identity=identity_file,
        protection="protected by a passphrase" if protected else "NOT protected by a passphrase",
        loss=LOSS,
        age=" 1.3 or newer" if recipient.post_quantum else "",
    )
