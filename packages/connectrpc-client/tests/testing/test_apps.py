"""The in-process transports: the rules that only ASGI or only WSGI has."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from connectrpc_client import Code, ConnectError
from connectrpc_client.testing import ASGITransport, ASGITransportSync, WSGITransport
from connectrpc_protocol.http import HttpRequest

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step


def soon() -> float:
    """A deadline that the slowest machine keeps."""
    return time.monotonic() + STEP_SECONDS


REQUEST = HttpRequest("POST", "http://test/", (), b"")
START: dict[str, Any] = {"type": "http.response.start", "status": 200}
BODY = {"type": "http.response.body", "body": b"hello"}


def fetch(transport: Any, body: Iterator[bytes] | None = None) -> Any:
    request = REQUEST if body is None else REQUEST._replace(body=None)
    response = transport.send(request, body, soon())
    return response, list(response.chunks(soon()))


# ASGI


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([BODY], "http.response.start"),
        ([START, START], "http.response.body"),
        ([START, BODY, BODY], "nothing more"),
        ([START | {"trailers": True}, BODY, BODY], "http.response.trailers"),
        ([{"type": "http.response.push"}], "http.response.start"),
    ],
)
def test_events_in_a_wrong_order(events: list[Any], expected: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            for event in events:
                await send(event)

    with (
        ASGITransportSync(app) as transport,
        pytest.raises(
            ConnectError, match=f"the application raised RuntimeError: expected {expected}"
        ),
    ):
        fetch(transport)


@pytest.mark.parametrize(
    "events",
    [[], [START], [START, BODY | {"more_body": True}], [START | {"trailers": True}, BODY]],
)
def test_a_response_that_is_not_complete(events: list[Any]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            for event in events:
                await send(event)

    with (
        ASGITransportSync(app) as transport,
        pytest.raises(ConnectError, match="returned before its response was complete") as caught,
    ):
        fetch(transport)
    assert caught.value.code is Code.INTERNAL


def test_trailers_in_parts_and_events_after_the_response() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            assert "http.response.trailers" in scope["extensions"]
            await send(START | {"trailers": True})
            await send(BODY)
            trailers = {"type": "http.response.trailers"}
            await send(trailers | {"headers": [(b"A", b"1")], "more_trailers": True})
            await send(trailers | {"headers": iter([(b"b", b"2")])})
            request = {"type": "http.request", "body": b"", "more_body": False}
            events = [await receive() for _ in range(3)]
            assert events == [{"type": "http.disconnect"}] * 3 != [request]

    with ASGITransportSync(app) as transport:
        response, chunks = fetch(transport)
        assert chunks == [b"hello"]
        assert response.trailers == [(b"a", b"1"), (b"b", b"2")]


def test_a_failure_after_the_response_is_raised() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            await send(BODY)
            raise KeyError("late")

    with (
        ASGITransportSync(app) as transport,
        pytest.raises(ConnectError, match="the application raised KeyError: 'late'"),
    ):
        fetch(transport)


class WithLifespan:
    """An application that notes what happens, and may fail in a phase."""

    def __init__(self, failing: str = "", how: str = "") -> None:
        self.seen: list[str] = []
        self.failing = failing
        self.how = how

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.seen.append(scope["state"]["name"])
            scope["state"]["name"] = "changed"
            await send(START)
            await send(BODY)
            return
        scope["state"]["name"] = "value"
        for phase in ("startup", "shutdown"):
            assert await receive() == {"type": f"lifespan.{phase}"}
            if phase == self.failing and self.how == "raises":
                raise KeyError(phase)
            outcome = "failed" if phase == self.failing else "complete"
            self.seen.append(f"{phase} {outcome}")
            await send({"type": f"lifespan.{phase}.{outcome}", "message": "no database"})


def test_lifespan() -> None:
    app = WithLifespan()
    with ASGITransportSync(app) as transport:
        assert fetch(transport)[1] == fetch(transport)[1] == [b"hello"]
    assert app.seen == ["startup complete", "value", "value", "shutdown complete"]


def test_lifespan_of_an_async_transport() -> None:
    app = WithLifespan()

    async def main() -> None:
        async with ASGITransport(app):
            app.seen.append("inside")

    asyncio.run(main())
    assert app.seen == ["startup complete", "inside", "shutdown complete"]


@pytest.mark.parametrize("phase", ["startup", "shutdown"])
def test_a_lifespan_that_reports_a_failure(phase: str) -> None:
    inside = []
    with (
        pytest.raises(RuntimeError, match=f"lifespan.{phase}.failed: no database"),
        ASGITransportSync(WithLifespan(phase)),
    ):
        inside.append(phase)
    assert inside == ([] if phase == "startup" else ["shutdown"])


def test_a_shutdown_that_raises() -> None:
    with (
        pytest.raises(RuntimeError, match="the application failed to stop") as caught,
        ASGITransportSync(WithLifespan("shutdown", "raises")),
    ):
        pass
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("how", ["raises", "returns"])
def test_an_application_without_lifespan(how: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan" and how == "returns":
            return
        assert scope["type"] == "http"
        await send(START)
        await send(BODY)

    with ASGITransportSync(app) as transport:
        assert fetch(transport)[1] == [b"hello"]


def test_without_a_block_the_lifespan_does_not_run() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        assert "state" not in scope
        await send(START)
        await send(BODY)

    transport = ASGITransportSync(app)
    assert fetch(transport)[1] == [b"hello"]
    transport.close()
    transport.close()


# WSGI


def run(app: Any, body: Iterator[bytes] | None = None, **options: Any) -> Any:
    with WSGITransport(app, **options) as transport:
        return fetch(transport, body)


def test_reading_the_body_like_a_file() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"]
        assert environ["wsgi.input_terminated"]
        assert "CONTENT_LENGTH" not in environ
        start_response("200 OK", [])
        return [body.read(3), body.readline(), next(body), body.read(), body.read()]

    chunks_sent = [b"1", b"", b"2345\n6", b"7\n8", b"9"]
    assert run(app, iter(chunks_sent))[1] == [b"123", b"45\n", b"67\n", b"89"]


@pytest.mark.parametrize(("version", "encoding"), [("1.1", "chunked"), ("2", None), ("3", None)])
def test_a_stream_has_no_length(version: str, encoding: str | None) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        assert environ["SERVER_PROTOCOL"] == f"HTTP/{version}"
        assert environ.get("HTTP_TRANSFER_ENCODING") == encoding
        assert "CONTENT_LENGTH" not in environ
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    assert run(app, iter([b"1", b"2"]), http_version=version)[1] == [b"12"]


def test_write_and_a_list() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"one")
        write(b"two")
        return [b"three"]

    assert run(app)[1] == [b"one", b"two", b"three"]


def test_start_response_until_the_head_is_sent() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b""
        try:
            raise KeyError("found late")
        except KeyError as exc:
            start_response("500 Oops", [("A", "1")], (KeyError, exc, exc.__traceback__))
        yield b"sorry"

    response, chunks = run(app)
    assert (response.status, response.headers, chunks) == (500, [(b"a", b"1")], [b"sorry"])


def test_start_response_once_the_head_is_sent() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"one"
        try:
            raise KeyError("found too late")
        except KeyError as exc:
            start_response("500 Oops", [], (KeyError, exc, exc.__traceback__))

    with pytest.raises(ConnectError, match="the application raised KeyError: 'found too late'"):
        run(app)


@pytest.mark.parametrize(("times", "text"), [(0, "was not called"), (2, "was called before")])
def test_start_response_is_called_once(times: int, text: str) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        for _ in range(times):
            start_response("200 OK", [])
        return []

    with pytest.raises(ConnectError, match=f"RuntimeError: start_response {text}"):
        run(app)


class Closeable(Iterable[bytes]):
    """An iterable response that must be closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b"more"

    def close(self) -> None:
        self.is_closed = True


def test_responses_are_closed() -> None:
    body = Closeable()

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return body

    with WSGITransport(app) as transport:
        response = transport.send(REQUEST, None, soon())
        assert next(response.chunks(soon())) == b"more"
        response.close()
    assert body.is_closed


def test_an_exception_that_ends_a_thread_ends_the_call() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise SystemExit(3)

    with (
        suppress(SystemExit),
        pytest.raises(ConnectError, match="the application raised SystemExit"),
    ):
        run(app)
