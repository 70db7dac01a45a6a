"""What can be done with one job, from the list as from its own screen."""

from __future__ import annotations

from abc import abstractmethod

from pantry_tui.models import Job
from screens import command_lines
from screens.confirm import Confirm
from screens.frame import FramedScreen
from screens.situation import Situation

_CONSEQUENCES = {
    "backup": "What it has written so far is removed. The database is not affected.",
    "validate": "The backup stays as it is.",
    "copy": "What is there already stays, and the next copy goes on from it. The backup stays as it is.",
    "import": "What it has stored so far is removed. The dump stays as it is.",
    "diff": "Nothing is changed by it, and nothing by its end.",
    "restore": "A database that is being filled is dropped; one that is in use stays as it is.",
    "rollback": "Everything stays as it is.",
    "release": "What would undo the recovery may be there still.",
    "foreign_restore": "Nothing of the dump is kept.",
}


class OneJobScreen(FramedScreen[None]):
    """A screen on which one job is selected."""

    @property
    @abstractmethod
    def selected_job(self) -> Job | None:
        """The job that commands mean."""

    def situation(self) -> Situation:
        return Situation(connected=self.known.attached, job=self.selected_job)

    def do_job_cancel(self) -> None:
        job = self.selected_job
        if job is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.pantry.cancel(job)

        question = f"{job.title}\n\n{_CONSEQUENCES.get(job.kind, '')}"
        self.app.push_screen(Confirm("Cancel this job?", question, yes="Cancel the job", no="Let it go on"), answered)

    def do_copy_id(self) -> None:
        if (job := self.selected_job) is not None:
            self.copy(job.id)

    def do_copy_command(self) -> None:
        if (job := self.selected_job) is not None:
            self.copy(command_lines.shown(command_lines.show_job(job.id)))
