"""`MainScreen`: every group of keys on one board, and the keys that move about. `dashboard.actions` is their table."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hotdash.dashboard import words
from hotdash.dashboard.actions import Pane, bindings
from hotdash.dashboard.screens.burst_keys import BurstKeys
from hotdash.dashboard.screens.call_keys import CallKeys
from hotdash.dashboard.screens.deploy_keys import DeployKeys
from hotdash.dashboard.screens.edit_keys import EditKeys
from hotdash.dashboard.screens.find_keys import FindKeys
from hotdash.dashboard.screens.inspect_keys import InspectKeys
from hotdash.dashboard.screens.log_keys import LogKeys

if TYPE_CHECKING:
    from textual.binding import BindingType
    from textual.widget import Widget

    from hotdash.dashboard.widgets.bars import TabBar


class MainScreen(
    CallKeys,
    BurstKeys,
    DeployKeys,
    EditKeys,
    InspectKeys,
    LogKeys,
    FindKeys,
):
    """The one screen below all others: the board, each group of its keys, and here those of the screen itself."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]

    # --- tasks and tabs -----------------------------------------------------------------------------------------------

    def action_toggle_past(self) -> None:
        """Shows the tasks of the history, or this run's again."""
        self.toggle_past()

    def action_toggle_all_tasks(self) -> None:
        """Shows the tasks of all functions, or of the selected one."""
        self.shows_all_tasks = not self.shows_all_tasks
        self._show_tasks()

    def action_next_tab(self, step: int = 1) -> None:
        """The next tab, after the last the first."""
        tabs = tuple(self.views)
        self.open_tab(tabs[(tabs.index(self.tab) + step) % len(tabs)])

    def action_previous_tab(self) -> None:
        """The tab before."""
        self.action_next_tab(-1)

    def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        """A tab was clicked."""
        self.open_tab(Pane(message.tab))

    def open_tab(self, pane: Pane) -> None:
        """Opens a tab at the right."""
        self.complete()
        had_focus = self.focused_pane in self.views
        self.tab = pane
        for own, view in self.views.items():
            view.display = own is pane
        self._show_right()
        self.show_stats()
        if had_focus:
            self._focus(self.views[pane])

    # --- the screen ---------------------------------------------------------------------------------------------------

    def action_focus_pane(self, number: int) -> None:
        """Puts the focus on a pane; on the right one, when it has it already, opens its next tab."""
        right = self.views[self.tab]
        target: Widget = {1: self.functions, 2: self.tasks_shown, 3: right}[number]
        if target is right and (target.has_focus or target.has_focus_within):
            self.action_next_tab()
        else:
            if self.has_class("-zoomed"):
                self._set_zoom(number)
            self._focus(target)

    def _focus(self, target: Widget) -> None:
        self.give_focus(self.deploys.table if target is self.deploys else target)

    def action_zoom(self) -> None:
        """Gives the focused pane the whole screen, or gives it back."""
        number = {Pane.FUNCTIONS: 1, Pane.TASKS: 2}.get(self.focused_pane, 3)
        self._set_zoom(0 if self.has_class("-zoomed") else number)

    def _set_zoom(self, number: int) -> None:
        focused = self.focused
        self.set_class(bool(number), "-zoomed")
        self.set_class(number in {1, 2}, "-zoomed-left")
        for own, box in self.boxes.items():
            box.set_class(own == number, "-zoomed-box")
        if focused is not None:
            self.set_focus(focused)

    def action_back(self) -> None:
        """Ends the zoom, else the focused pane's filter, else the marks; else goes back to the functions."""
        bar = self.filters.get(self.focused_pane)
        if self.has_class("-zoomed"):
            self._set_zoom(0)
        elif bar is not None and bar.filter is not None:
            bar.action_clear()
        elif self.focused_pane is Pane.PAYLOAD and self.leave_payload():
            pass
        elif self.is_past and self.past.has_focus:
            if not self.unmark():
                self.toggle_past()
        elif self.focused_pane not in {Pane.FUNCTIONS, Pane.TASKS} or not self.unmark():
            self.give_focus(self.functions)

    def action_help(self) -> None:
        """All keys."""
        from hotdash.dashboard.screens.help import HelpScreen  # noqa: PLC0415  opened seldom

        if self.taste.faults:
            self.app.clear_notifications()  # they are told there, and must not cover it
        pane = Pane.EMPTY if self.has_class("-empty") else self.focused_pane
        self.app.push_screen(HelpScreen(controls=self.controls, taste=self.taste, pane=pane))

    def show_settings_help(self) -> None:
        """What may stand in the settings' file."""
        from hotdash.dashboard.screens.help import HelpScreen  # noqa: PLC0415  opened seldom

        self.app.push_screen(HelpScreen(controls=self.controls, taste=self.taste, find="config"))

    def action_copy_or_quit(self) -> None:
        """Copies what is selected, as elsewhere; where nothing is: quits, but not from under one who types."""
        selected = getattr(self.focused, "selected_text", None)  # a line and an editor have it
        if selected:
            self.copy(selected, "the selected text")
        elif selected is not None:
            self.tell("nothing is selected to copy; ctrl+q quits")
        elif self.get_selected_text():
            self.action_copy()
        else:
            self.action_quit()

    def action_palette(self) -> None:
        """Every action by name."""
        self.app.action_command_palette()

    def action_quit(self) -> None:
        """Ends the program; asks while tasks run or wait."""
        from hotdash.dashboard.screens.confirm import ConfirmScreen  # noqa: PLC0415  opened seldom

        running = sum(len(view.running) for view in self.snapshot.functions.values())
        waiting = self.snapshot.queued
        if not running and not waiting:
            self.app.exit()
            return

        def leave(is_yes: bool | None) -> None:
            if is_yes:
                self.app.exit()

        parts = [
            words.counted(count, "task") + verb
            for count, verb in ((running, " running"), (waiting, " waiting"))
            if count
        ]
        self.app.push_screen(ConfirmScreen(question=f"Quit with {' and '.join(parts)}?", yes="quit"), leave)
