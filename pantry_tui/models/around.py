"""What is to be done around a job by the runner: before it, after it, and with what is known when it is over."""

from __future__ import annotations

from pantry_tui.models.base import Model
from pantry_tui.models.retention import RetentionPolicy


class Around(Model, frozen=True, kw_only=True):
    """What surrounds a job. It holds references to secrets, and never one itself.

    ``retention``: after a backup has succeeded, what of its database and schedule is not kept by this policy is deleted.
    """

    retention: RetentionPolicy | None = None
