"""The keys of logs, and those by which one looks closer at what is selected: rows for the table in `actions`."""

from __future__ import annotations

from hotdash.dashboard.action import Action, Pane

_TABLES = (Pane.FUNCTIONS, Pane.TASKS)

LOG_ACTIONS: tuple[Action, ...] = (
    Action(
        id="toggle_follow",
        key="f",
        shown="f",
        label="follow",
        description="Logs: follow the newest line, or stay",
        panes=(Pane.LOGS,),
    ),
    Action(
        id="filter",
        key="slash",
        shown="/",
        label="filter",
        description="Filter the focused pane: a regular expression, ! before it inverts",
        panes=(Pane.LOGS, *_TABLES),
    ),
    Action(
        id="next_match(1)",
        key="n",
        shown="n",
        label="next",
        description="Logs: the next match of the filter; N the one before",
        panes=(Pane.LOGS,),
    ),
    Action(
        id="next_match(-1)",
        key="N",
        shown="N",
        label="previous",
        description="Logs: the match before",
        panes=(Pane.LOGS,),
        in_footer=False,
    ),
    Action(
        id="toggle_hiding",
        key="ampersand",
        shown="&",
        label="search",
        description="Logs: search with the filter instead: mark its matches among all lines, or hide the others again",
        panes=(Pane.LOGS,),
    ),
    Action(
        id="next_error",
        key="right_square_bracket",
        shown="]",
        label="next error",
        description="Logs: the next line that tells of an error",
        panes=(Pane.LOGS,),
    ),
    Action(
        id="toggle_errors",
        key="exclamation_mark",
        shown="!",
        label="errors",
        description="Logs: only lines that tell of an error, with their tracebacks, or all",
        panes=(Pane.LOGS,),
    ),
    Action(
        id="toggle_wrap",
        key="z",
        shown="z",
        label="wrap",
        description="Logs: wrap long lines, or cut them",
        panes=(Pane.LOGS,),
    ),
    Action(
        id="toggle_times",
        key="t",
        shown="t",
        label="times",
        description="Logs: each line's time: none, of day, since its task started",
        panes=(Pane.LOGS,),
    ),
    Action(
        id="copy",
        key="y",
        shown="y",
        label="copy",
        description="Copy: what the mouse has selected, else the log's lines, the task's answer, or the selected name",
        panes=(Pane.LOGS, Pane.RUN),
    ),
    Action(
        id="save_log",
        key="s",
        shown="s",
        label="save",
        description="Save the log's lines to a file",
        panes=(Pane.LOGS,),
    ),
    Action(
        id="clear_log",
        key="c",
        shown="c",
        label="clear",
        description="Logs: hide the lines so far from view; again brings them back",
        panes=(Pane.LOGS,),
    ),
    Action(
        id="mark",
        key="space",
        shown="space",
        label="mark",
        description="Mark the selected row, or not: Logs merges all that is marked; esc unmarks all",
        panes=_TABLES,
    ),
    Action(
        id="freeze",
        key="p",
        shown="p",
        label="freeze",
        description="Freeze the screen; the functions go on",
        panes=(Pane.ANY, Pane.LOGS),
    ),
)
