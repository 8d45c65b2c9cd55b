"""`InspectKeys`: the keys by which one looks into a function or a container."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hotdash.dashboard.lending import lend
from hotdash.dashboard.screens.payload_board import PayloadBoard
from hotdash.dashboard.titles import title_of
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from hotdash.dashboard.lines import Line
    from hotdash.store import ContainerView, FunctionView


class InspectKeys(PayloadBoard):
    """The board with the keys that look inside."""

    def action_inspect(self) -> None:
        """Shows how the selected function or container is set up."""
        from hotdash.dashboard.inspect_lines import inspect_lines  # noqa: PLC0415  as below
        from hotdash.dashboard.screens.inspection import InspectScreen  # noqa: PLC0415  opened seldom

        view = self.view_or_say()
        if view is None:
            return
        container = self._container_of(view, self.scope.container_id)
        inside = None if container is None else self.controls.inside(container.id)

        any_inside = inside or next(filter(None, (self.controls.inside(one.id) for one in view.containers)), None)
        command = any_inside.command if any_inside is not None else ()

        def lines(*, shows_secrets: bool) -> list[Line]:
            now_s = self.controls.now_s()
            used = self.store.series(now_s, view.key, container.id if container is not None else "")
            if not view.containers:
                used = None
            return inspect_lines(
                view, container, inside, shows_secrets=shows_secrets, now_s=now_s, command=command, used=used
            )

        title = title_of(container.id if container else view.key)
        self.app.push_screen(InspectScreen(title=title, lines=lines, copy=self.copy))

    def action_shell(self) -> None:
        """Lends the terminal to a shell in the selected container's surroundings; the screen waits for it."""
        view = self.selected_view
        container_id = self.scope.container_id
        if view is not None and not container_id and len(view.containers) == 1:
            container_id = view.containers[0].id
        if view is None or not container_id:
            self.tell("select a container for a shell")
            return
        inside = self.controls.inside(container_id)
        if inside is None:
            self.tell(f"{plain(container_id)} has ended, or its driver has no shell to offer")
            return
        environment = inside.shell_environment
        if environment is not None:
            environment = {"TERM": os.environ.get("TERM", "dumb"), **environment}
        name = plain(f"{container_id} of {view.key}")
        greeting = f"hotdash: a shell as {name} has it; `exit` goes back"
        fault = lend(self.app, inside.shell_command, folder=inside.folder, environment=environment, greeting=greeting)
        if fault:
            self.tell(plain(fault), is_bad=True)
        self.refresh()

    @staticmethod
    def _container_of(view: FunctionView, container_id: str) -> ContainerView | None:
        return next((container for container in view.containers if container.id == container_id), None)
