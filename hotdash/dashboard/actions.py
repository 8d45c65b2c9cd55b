"""Every key as data: bindings, footer, help screen and palette are all made of this one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from hotdash.dashboard.action import Action, Pane
from hotdash.dashboard.log_actions import LOG_ACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ACTIONS", "MOVES", "Action", "Pane", "bindings", "by_pane", "footer_actions"]


_TABLES = (Pane.FUNCTIONS, Pane.TASKS)
_RIGHT = (Pane.LOGS, Pane.RUN, Pane.STATS, Pane.DEPLOYS)

ACTIONS: tuple[Action, ...] = (
    Action(
        id="invoke",
        key="enter",
        shown="enter",
        label="invoke",
        description="Invoke the selected function with its last payload: a new call, also from the tasks and tabs",
        panes=(*_TABLES, Pane.LOGS, Pane.RUN),
        called=((Pane.TASKS, "new call"), (Pane.LOGS, "new call"), (Pane.RUN, "new call")),
    ),
    Action(
        id="edit_payload",
        key="i",
        shown="i",
        label="edit & invoke",
        description="To the Payload tab: edit the payload and headers, then invoke",
        panes=(*_TABLES, Pane.RUN),
    ),
    Action(
        id="send_payload",
        key="ctrl+s",
        shown="ctrl+s",
        label="invoke",
        description="Invoke with what stands in the Payload tab, and go back to where you came from",
        panes=(Pane.PAYLOAD,),
    ),
    Action(
        id="send_and_stay",
        key="f5",
        shown="f5",
        label="invoke, stay",
        description="Invoke with what stands in the Payload tab, and stay",
        panes=(Pane.PAYLOAD,),
    ),
    Action(
        id="pick_preset",
        key="ctrl+r",
        shown="ctrl+r",
        label="presets",
        description="Use a payload that was kept under a name, or one of the function's tests",
        panes=(Pane.PAYLOAD,),
    ),
    Action(
        id="save_preset",
        key="ctrl+t",
        shown="ctrl+t",
        label="keep",
        description="Keep the function's payload and headers under a name",
        panes=(Pane.PAYLOAD,),
    ),
    Action(
        id="load_payload",
        key="ctrl+o",
        shown="ctrl+o",
        label="file",
        description="Use a file as the payload",
        panes=(Pane.PAYLOAD,),
    ),
    Action(
        id="find",
        key="ctrl+f",
        shown="ctrl+f",
        label="find",
        description="Find in the payload and the headers: a regular expression; elsewhere as /",
        panes=(Pane.PAYLOAD,),
    ),
    Action(
        id="find_next",
        key="f3",
        shown="f3",
        label="next",
        description="The next match, selected: what is typed replaces it; elsewhere as n",
        panes=(Pane.PAYLOAD,),
    ),
    Action(
        id="find_previous",
        key="f2,shift+f3",  # which many a terminal writes as it writes where its cursor is: it does not arrive
        shown="f2",
        label="previous",
        description="The match before; elsewhere as N",
        panes=(Pane.PAYLOAD,),
        in_footer=False,
    ),
    Action(
        id="cancel",
        key="x",
        shown="x",
        label="cancel",
        description="Cancel the marked tasks, or the selected one; a container's; a function's, all of them (asks)",
        panes=_TABLES,
    ),
    Action(
        id="redeploy",
        key="d",
        shown="d",
        label="redeploy",
        description="Build and deploy the selected function as it is on disk now",
        panes=(Pane.FUNCTIONS, Pane.DEPLOYS),
    ),
    Action(
        id="roll_back",
        key="u",
        shown="u",
        label="roll back",
        description="Make the revision before live again; in Deploys the selected one",
        panes=(Pane.FUNCTIONS, Pane.DEPLOYS),
    ),
    Action(
        id="replay",
        key="r",
        shown="r",
        label="replay",
        description="Invoke again with the selected task's payload and headers, and go to the new task",
        panes=(Pane.TASKS, Pane.HISTORY, Pane.RUN),
    ),
    Action(
        id="burst",
        key="B",
        shown="B",
        label="burst",
        description="Invoke the selected function many times: how many, and at most how many at once",
        panes=(Pane.FUNCTIONS,),
    ),
    Action(
        id="kill_container",
        key="K",
        shown="K",
        label="kill",
        description="Kill the selected container (asks first)",
        panes=(Pane.FUNCTIONS,),
    ),
    *LOG_ACTIONS,
    Action(
        id="toggle_all_tasks",
        key="a",
        shown="a",
        label="all functions",
        description="Tasks: of all functions, or of the selected one",
        panes=(Pane.TASKS, Pane.HISTORY),
    ),
    Action(
        id="toggle_past",
        key="H",
        shown="H",
        label="history",
        description="Tasks: those of earlier runs, too, from the history; or this run's",
        panes=(Pane.TASKS, Pane.HISTORY),
        called=((Pane.HISTORY, "this run"),),
    ),
    Action(
        id="edit_source",
        key="e",
        shown="e",
        label="source",
        description="Open the selected function's source in $EDITOR, at the selected error",
        panes=(Pane.FUNCTIONS,),
    ),
    Action(
        id="toggle_watching",
        key="w",
        shown="w",
        label="watch",
        description="Deploy on save, or let changes wait until d or w",
        panes=(Pane.FUNCTIONS, Pane.EMPTY),
    ),
    Action(
        id="toggle_held",
        key="W",
        shown="W",
        label="hold",
        description="The same for the selected function alone",
        panes=(Pane.FUNCTIONS, Pane.DEPLOYS),
    ),
    Action(
        id="next_tab",
        key="greater_than_sign",
        shown=">",
        label="tab",
        description="The next tab at the right (3 again does so, too)",
        panes=(Pane.ANY, *_RIGHT),
    ),
    Action(
        id="previous_tab",
        key="less_than_sign",
        shown="<",
        label="tab",
        description="The previous tab at the right",
        panes=(Pane.ANY,),
    ),
    Action(
        id="focus_pane(1)", key="1", shown="1", label="functions", description="To the functions", panes=(Pane.ANY,)
    ),
    Action(id="focus_pane(2)", key="2", shown="2", label="tasks", description="To the tasks", panes=(Pane.ANY,)),
    Action(
        id="focus_pane(3)",
        key="3",
        shown="3",
        label="tabs",
        description="To the tabs",
        panes=(Pane.ANY,),
    ),
    Action(
        id="zoom",
        key="plus",
        shown="+",
        label="zoom",
        description="Give the focused pane the whole screen, or give it back",
        panes=(Pane.ANY, *_RIGHT),
    ),
    Action(
        id="back",
        key="escape",
        shown="esc",
        label="back",
        description="Back: end the zoom, clear the filter, return to the functions",
        panes=(Pane.ANY,),
    ),
    Action(
        id="help",
        key="question_mark",
        shown="?",
        label="keys",
        description="All keys",
        panes=(Pane.ANY,),
    ),
    Action(
        id="palette",
        key="ctrl+p",
        shown="ctrl+p",
        label="palette",
        description="Every action, by name",
        panes=(Pane.ANY,),
        in_palette=False,
    ),
    Action(
        id="quit",
        key="q,ctrl+q",
        shown="q",
        label="quit",
        description="Quit; asks while tasks run or wait",
        panes=(Pane.ANY,),
    ),
    Action(
        id="copy_or_quit",
        key="ctrl+c",
        shown="ctrl+c",
        label="copy or quit",
        description="Copy what is selected in an editor, a line or by the mouse; where one does not type: else quit",
        panes=(Pane.ANY,),
    ),
)

_FIRST = frozenset({"quit", "copy_or_quit"})  # before the focused widget: an editor has a ctrl+c of its own

# What the filter's own line is told; it is bound there.
_FILTER_ACTIONS = (
    Action(id="", key="enter", shown="enter", label="keep", description="", panes=(Pane.FILTER,)),
    Action(id="", key="escape", shown="esc", label="clear", description="", panes=(Pane.FILTER,)),
)

# What moves is bound by the panes themselves; these rows are for the help screen.
MOVES: tuple[tuple[str, str], ...] = (
    ("tab", "The next pane; shift+tab the one before"),
    ("j  k", "Down and up, as the arrows"),
    ("g  G", "First and last, as home and end"),
    ("pgup  pgdn", "A page up, a page down"),
    ("←  →", "Functions: fold and unfold containers. Tasks: all that wait. Logs: sideways. Run: JSON"),
)


def bindings() -> list[Binding]:
    """The main screen's bindings."""
    return [
        Binding(action.key, action.id, action.label, show=False, priority=action.id in _FIRST, id=action.id)
        for action in ACTIONS
    ]


def footer_actions(pane: Pane, actions: tuple[Action, ...] = ACTIONS) -> tuple[Action, ...]:
    """What the footer shows while a pane has the focus, the most wanted first."""
    if pane is Pane.FILTER:
        return _FILTER_ACTIONS
    own = tuple(action for action in actions if pane in action.panes and action.in_footer)
    typing = pane is Pane.PAYLOAD  # there `?` and `q` are typed
    ends = tuple(action for action in actions if action.id in ({"palette", "back"} if typing else {"help", "quit"}))
    return (*own, *ends)


def by_pane(actions: tuple[Action, ...] = ACTIONS) -> Iterable[tuple[Pane, tuple[Action, ...]]]:
    """Every action once, under the first of its panes."""
    for pane in Pane:
        if rows := tuple(action for action in actions if action.panes[0] is pane):
            yield pane, rows
