"""`GatewayApp`: requests to tasks, and their results to answers. Runs in the gateway's thread, in its event loop.

A call waits for its task without a thread: the task's callback wakes the loop. A client that goes away while its
synchronous call waits or runs takes the task with it (M15): nobody could get its answer.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from hotdash.errors import HotdashError, InvalidRequest, QueueFull, RuntimeClosed, UnknownFunction
from hotdash.functions.spec import FunctionType
from hotdash.gateway.address import may_name, may_send, own_names
from hotdash.gateway.answers import RETRY_AFTER_S, HttpAnswer, answer_of, refuse, say
from hotdash.gateway.body import ClientGone, TooLarge, read_body
from hotdash.gateway.metrics import CONTENT_TYPE
from hotdash.gateway.routes import find_function
from hotdash.task import MAX_PAYLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hotdash.functions.spec import FunctionSpec
    from hotdash.gateway.address import Address
    from hotdash.gateway.board import TaskBoard
    from hotdash.gateway.metrics import Metrics
    from hotdash.runtime.runtime import Runtime
    from hotdash.task import Task, TaskResult

CLOSING = "hotdash is closing"
STARTING = "hotdash is starting: it has not read its functions yet"
# Why a call is not taken; UnknownFunction: it was removed just now.
_REFUSALS: Mapping[type[HotdashError], int] = {
    InvalidRequest: 400,
    UnknownFunction: 404,
    QueueFull: 429,
    RuntimeClosed: 503,
}


class GatewayApp:
    """See the module's docstring. An ASGI application.

    Args:
        runtime: Who runs the tasks.
        board: Knows them afterwards.
        metrics: For `/metrics`.
        address: Where it is listened to, for the check of `Host`.
        is_ready: Whether it is known which functions there are.
        is_closing: Whether no more calls are taken.
    """

    def __init__(
        self,
        *,
        runtime: Runtime,
        board: TaskBoard,
        metrics: Metrics,
        address: Address,
        is_ready: Callable[[], bool],
        is_closing: Callable[[], bool],
    ) -> None:
        self._runtime = runtime
        self._board = board
        self._metrics = metrics
        self._address = address
        self._names = own_names(address)  # once, and before the first request: all of them wait in one loop
        self._is_ready = is_ready
        self._is_closing = is_closing
        starlette = Starlette(
            routes=[
                Route("/r/{app}/{path:path}", _Calls(self._call)),
                Route("/tasks/{task_id}", self._task, methods=["GET"]),
                Route("/metrics", self._metrics_text, methods=["GET"]),
                Route("/health", self._health, methods=["GET"]),
            ],
            exception_handlers={HTTPException: _refused},
        )
        starlette.router.redirect_slashes = False  # `/r/app` and `/r/app/` are two addresses
        self._app: ASGIApp = starlette

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        receive, send = _closing_unasked(scope, receive, send)
        hosts = [value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"host"]
        if scope["type"] == "http" and not (len(hosts) == 1 and may_name(hosts[0], self._names)):
            told = f"found {hosts[0]!r}" if len(hosts) == 1 else f"found {len(hosts)} of them"
            await _send(refuse(403, f"Host: {told}, allowed {self._address} or an address of this machine"), send)
            return
        if scope["type"] == "http" and not may_send(scope["headers"]):
            error = (
                "found a request of another site's web page (Origin, Sec-Fetch-Site), allowed those of this machine's"
            )
            await _send(refuse(403, error), send)
            return
        await self._app(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`ANY /r/<app>/<path>`."""
        app, path = scope["path_params"]["app"], "/" + scope["path_params"]["path"]
        if not self._is_ready():
            await _send(refuse(503, STARTING, retry_after=str(RETRY_AFTER_S)), send)
            return
        spec = find_function(self._runtime.specs(), app=app, path=path)
        if spec is None:
            await _send(refuse(404, f"no function of the app {app!r} has the route {path!r}"), send)
            return
        try:
            payload = await read_body(scope, receive, limit_bytes=MAX_PAYLOAD_BYTES)
        except TooLarge as error:
            await _send(refuse(413, str(error), connection="close"), send)
            return
        except ClientGone:
            return
        submitted = self._submit(spec, payload, scope)
        if isinstance(submitted, HttpAnswer):
            await _send(submitted, send)
        elif spec.type is FunctionType.ASYNC:
            await _send(say(202, {"task_id": submitted.id}), send)
        elif (result := await _result_of(submitted, receive)) is not None:
            await _send(answer_of(result, method=scope["method"]), send)

    def _submit(self, spec: FunctionSpec, payload: bytes, scope: Scope) -> Task | HttpAnswer:
        """Submits a call; where it is not taken, why."""
        if self._is_closing():
            return refuse(503, CLOSING)
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        try:
            task = self._runtime.submit(
                spec.key,
                payload,
                headers=_headers(scope),
                method=scope["method"],
                url=(raw_path + query).decode("latin-1"),
            )
        except HotdashError as error:
            status = next((status for kind, status in _REFUSALS.items() if isinstance(error, kind)), 502)
            return refuse(status, str(error), **({"retry_after": str(RETRY_AFTER_S)} if status == 429 else {}))
        self._board.add(task)
        return task

    async def _task(self, request: Request) -> Response:
        """`GET /tasks/<id>`."""
        task_id = request.path_params["task_id"]
        fields = self._board.fields(task_id)
        if fields is None:
            return _response(refuse(404, f"no task {task_id!r}: it did not come through here, or is long over"))
        return _response(say(200, fields))

    async def _metrics_text(self, _request: Request) -> Response:
        """`GET /metrics`."""
        return Response(self._metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def _health(self, _request: Request) -> Response:
        """`GET /health`."""
        if self._is_closing():
            return _response(say(503, {"status": "closing"}))
        if not self._is_ready():
            return _response(say(503, {"status": "starting"}, retry_after=str(RETRY_AFTER_S)))
        return _response(say(200, {"status": "ok"}))


class _Calls:
    """An endpoint for every method: Starlette gives those that are functions GET alone."""

    def __init__(self, call: ASGIApp) -> None:
        self._call = call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._call(scope, receive, send)


async def _result_of(task: Task, receive: Receive) -> TaskResult | None:
    """Waits for a task's end; None where its client went away first, and the task was cancelled."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ended.done():
            ended.set_result(None)

    def tell(_task: Task) -> None:  # in the thread that ended it
        with suppress(RuntimeError):  # the loop has been closed: nobody waits
            loop.call_soon_threadsafe(wake)

    task.add_done_callback(tell)
    gone = asyncio.ensure_future(_client_left(receive))
    try:
        await asyncio.wait({ended, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        if not ended.done():
            task.cancel()
    return task.result(0) if ended.done() else None


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(scope: Scope) -> dict[str, str]:
    """The client's headers; those that came more than once are joined (RFC 9110, section 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        separator = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    return headers


def _closing_unasked(scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Closes the connection where a client has asked whether to send its body, and is answered without a yes.

    Whether the body follows nobody knows then; with the next request taken for it, that one would be lost.
    """
    if all(name != b"expect" for name, _ in scope.get("headers", ())):
        return receive, send
    is_asked_for = False

    async def ask() -> Message:
        nonlocal is_asked_for
        is_asked_for = True  # uvicorn says `100 Continue`
        return await receive()

    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start" and not is_asked_for:
            others = [(name, value) for name, value in message["headers"] if name.lower() != b"connection"]
            message = {**message, "headers": [*others, (b"connection", b"close")]}
        await send(message)

    return ask, tell


async def _send(answer: HttpAnswer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


def _response(answer: HttpAnswer) -> Response:
    response = Response(answer.body, status_code=answer.status)
    response.raw_headers = answer.headers
    return response


async def _refused(_request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: an address that is none, a method that is not allowed."""
    assert isinstance(error, HTTPException)  # noqa: S101  it is the handler of those
    found = _response(refuse(error.status_code, error.detail))
    found.raw_headers = [*found.raw_headers, *((k.encode(), v.encode()) for k, v in (error.headers or {}).items())]
    return found
