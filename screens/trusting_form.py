"""Forms that read a backup whose signature may be one that nobody here trusts: they say so, and ask."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Static

from pantry_tui.models import BackupDetails, Signature
from screens.backup_form import OpeningForm
from screens.form import Tick
from screens.known import KnownChanged

_DOUBTS = {
    Signature.UNKNOWN: "Signed by {signer},\nwhom this machine does not know: compare it with `pantry-tui key show` there.",
    Signature.MISSING: "Without a signature: nothing shows who made it, or whether it was changed.",
}
UNTRUSTED = "nobody who is trusted here has signed this backup: find out whether it is yours"


class TrustingForm(OpeningForm):
    """A form for what is not done with a stranger's backup unless somebody vouches for it."""

    TRUST_WORDS: ClassVar[str]  # what the box says

    def trust_fields(self) -> Iterable[Widget]:
        """The doubts and the box; neither is seen where the signer is trusted."""
        yield Static(id="signature", classes="hint", markup=False)
        yield Tick(self.TRUST_WORDS, id="trust")

    def on_mount(self) -> None:
        super().on_mount()
        self.pantry.want_details(self._backup)
        self.draw_signature()

    @property
    def details(self) -> BackupDetails | None:
        """What is known of the backup, once it was read."""
        details = self.pantry.known.details.get(self._backup.id)
        return details if isinstance(details, BackupDetails) else None

    @on(KnownChanged)
    def draw_signature(self) -> None:
        """Draws the doubts there are about the signature."""
        words, tick, details = self.query_one("#signature", Static), self.query_one("#trust", Tick), self.details
        doubts = "" if details is None else _DOUBTS.get(details.signature, "")
        words.display = tick.display = bool(doubts)
        words.update(doubts.format(signer=details.signer if details else ""))

    @property
    def trust(self) -> tuple[str, ...]:
        """Whom the person trusts for this once."""
        details = self.details
        if details is None or not self.ticked("trust"):
            return ()
        return (details.signer or "unsigned",)

    @property
    def is_untrusted(self) -> bool:
        """Whether the box would have to be ticked."""
        return self.query_one("#trust", Tick).display and not self.trust
