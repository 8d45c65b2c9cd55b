"""`DeployKeys`: the keys that change what runs: deploy, roll back, hold, watch, kill a container."""

from __future__ import annotations

from hotdash.dashboard.action import Pane
from hotdash.dashboard.deploy_lines import is_deploying, rollback_target
from hotdash.dashboard.screens.payload_board import PayloadBoard
from hotdash.sanitize import plain


class DeployKeys(PayloadBoard):
    """The board with the keys that change what runs."""

    def action_redeploy(self) -> None:
        """Deploys the selected function as it is on disk; how that ended comes with a snapshot."""
        if (view := self.view_or_say()) is not None:
            self._deploys.ask(view.key)
            self.controls.redeploy(view.key)

    def action_roll_back(self) -> None:
        """Makes the revision before the live one live again; in the Deploys pane, the selected one."""
        from hotdash.dashboard.screens.confirm import ConfirmScreen  # noqa: PLC0415  opened seldom

        view = self.view_or_say()
        if view is None:
            return
        chosen = self.deploys.selected if self.focused_pane is Pane.DEPLOYS else None
        revision, why_not = rollback_target(view, chosen)
        if not revision:
            self.tell(why_not)
            return

        def roll_back(is_yes: bool | None) -> None:
            if is_yes:
                self._deploys.ask(view.key)
                self.controls.rollback(view.key, revision)

        if not is_deploying(view):
            roll_back(is_yes=True)
            return
        question = f"Roll {plain(view.key)} back to r{revision}? The deploy under way ends; its changes wait for d."
        self.app.push_screen(ConfirmScreen(question=question, yes="roll back"), roll_back)

    def action_toggle_held(self) -> None:
        """Holds the selected function's saves back, or lets them go."""
        if (view := self.view_or_say()) is not None:
            self.controls.set_held(view.key, not view.held)
            now = "is deployed on save again" if view.held else "is not deployed on save: d deploys it"
            self.tell(f"{plain(view.key)} {now}")

    def action_kill_container(self) -> None:
        """Kills the selected container, once the user has said yes."""
        from hotdash.dashboard.screens.confirm import ConfirmScreen  # noqa: PLC0415  opened seldom

        view, container_id = self.selected_view, self.scope.container_id
        if view is not None and not container_id and len(view.containers) == 1:
            container_id = view.containers[0].id
        if not container_id:
            self.tell("select a container to kill")
            return

        def kill(is_yes: bool | None) -> None:
            if is_yes:
                gone = "" if self.controls.kill_container(container_id) else " had ended already"
                self.tell(f"{plain(container_id)}{gone or ' killed'}")

        running = any(task.container_id == container_id for task in view.running) if view is not None else False
        question = f"Kill container {plain(container_id)}?" + (" Its task ends as an error." if running else "")
        self.app.push_screen(ConfirmScreen(question=question, yes="kill"), kill)

    def action_toggle_watching(self) -> None:
        """Turns watching on or off."""
        self.controls.set_watching(not self.controls.watching)
        self._show_header()
