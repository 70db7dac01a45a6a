"""What can be done with one schedule, from the list as from its own screen."""

from __future__ import annotations

from abc import abstractmethod

from textual import work

from pantry_tui.errors import PantryError
from pantry_tui.models import ScheduleStatus
from screens import command_lines
from screens.confirm import Confirm
from screens.explain import Explain
from screens.frame import FramedScreen
from screens.link import RunnerCall
from screens.schedule_form import ScheduleForm
from screens.situation import Situation
from screens.widgets.text import visible


class OneScheduleScreen(FramedScreen[None]):
    """A screen on which one schedule is selected."""

    @property
    @abstractmethod
    def selected_schedule(self) -> ScheduleStatus | None:
        """The schedule that commands mean."""

    def situation(self) -> Situation:
        status = self.selected_schedule
        return Situation(connected=self.known.attached, schedule=None if status is None else status.schedule)

    def do_schedule_edit(self) -> None:
        if (status := self.selected_schedule) is not None:
            self.app.push_screen(ScheduleForm(status.schedule))

    def do_schedule_toggle(self) -> None:
        if (status := self.selected_schedule) is None:
            return
        schedule, enabled = status.schedule, not status.schedule.enabled
        said = f"{schedule.name} {'runs again' if enabled else 'runs no more'}; the same key undoes that"
        self._change("Changing the schedule", lambda runner: runner.enable_schedule(schedule.id, enabled=enabled), said)

    def do_schedule_execute(self) -> None:
        if (status := self.selected_schedule) is not None:
            schedule = status.schedule
            self._change(
                f"Running {visible(schedule.name)} now",
                lambda runner: runner.execute_schedule(schedule.id),
                f"{schedule.name} is at work; {self.pantry.key_of('app.jobs')} shows its jobs",
            )

    def do_schedule_delete(self) -> None:
        if (status := self.selected_schedule) is None:
            return
        schedule = status.schedule

        def answered(yes: bool | None) -> None:
            if yes:
                self._change(
                    "Deleting the schedule",
                    lambda runner: runner.delete_schedule(schedule.id),
                    f"{schedule.name} is deleted; its backups stay",
                )

        question = (
            f"{schedule.name}: {status.words}\n\nIt will not run any more. Its backups stay, and are no longer deleted by "
            f"its retention.\n\nThe same from the command line:\n"
            f"{command_lines.shown(command_lines.delete_schedule(schedule.name))}"
        )
        self.app.push_screen(Confirm("Delete this schedule?", question, yes="Delete", no="Keep it"), answered)

    @work(group="schedule", exclusive=False, exit_on_error=False)
    async def _change(self, doing: str, call: RunnerCall, said: str) -> None:
        answer = await self.pantry.link.ask(call)
        if isinstance(answer, PantryError):
            self.app.push_screen(Explain(doing, answer))
            return
        self.say(said)
        self.pantry.reload()

    def do_copy_id(self) -> None:
        if (status := self.selected_schedule) is not None:
            self.copy(status.schedule.id)

    def do_copy_command(self) -> None:
        if (status := self.selected_schedule) is not None:
            self.copy(command_lines.shown(command_lines.show_schedule(status.schedule.name)))
