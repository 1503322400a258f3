"""Applications that remember their calls in flight, for the report of a stall."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from common.in_flight import Call, end_call, in_flight, start_call

_CASE = "x-test-case-name"
"""The suite's client sends the name of the case in this header."""


def watched_asgi(app: Callable[..., Any]) -> Callable[..., Any]:
    """Return an ASGI application that remembers each call of `app`, and its last events."""

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def noting_receive() -> Any:
            call.note("receive() begins")
            event = await receive()
            call.note(f"receive() returned {_summary(event)}")
            return event

        async def noting_send(event: Any) -> None:
            call.note(f"send() begins: {_summary(event)}")
            await send(event)
            call.note("send() returned")

        coroutine = app(scope, noting_receive, noting_send)
        headers = dict(scope["headers"])
        name = headers.get(_CASE.encode(), b"").decode() or scope["path"]
        with in_flight(f"{name} (HTTP/{scope['http_version']})", coroutine) as call:
            await coroutine

    return watched


def _summary(event: dict[str, Any]) -> str:
    body = event.get("body")
    size = "" if body is None else f", {len(body)} bytes"
    return f"{event['type']}{size}{', more to come' if event.get('more_body') else ''}"


def watched_wsgi(app: Callable[..., Any]) -> Callable[..., Any]:
    """Return a WSGI application that remembers each call of `app` until its response is closed."""

    def watched(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        variable = f"HTTP_{_CASE.upper().replace('-', '_')}"
        name = environ.get(variable) or environ["PATH_INFO"]
        call = start_call(f"{name} ({environ['SERVER_PROTOCOL']})")
        try:
            response = app(environ, start_response)
        except BaseException:
            end_call(call)
            raise
        call.note("the response begins")
        return _WatchedResponse(response, call)

    return watched


class _WatchedResponse:
    def __init__(self, response: Iterable[bytes], call: Call) -> None:
        self._response = response
        self._call = call

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._response)

    def close(self) -> None:
        try:
            close = getattr(self._response, "close", None)
            if close is not None:
                close()
        finally:
            end_call(self._call)
