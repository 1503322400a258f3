"""The in-process transports behave the same for every kind of client and application."""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from contextvars import ContextVar
from logging.handlers import QueueHandler
from typing import Any

import pytest

from connectrpc_client import Code, ConnectError
from connectrpc_client.testing import (
    ASGITransport,
    ASGITransportSync,
    WSGITransport,
    WSGITransportAsync,
)
from connectrpc_protocol.http import HttpRequest

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step


def soon() -> float:
    """A deadline that the slowest machine keeps."""
    return time.monotonic() + STEP_SECONDS


TRANSPORTS: dict[str, Any] = {
    "async-asgi": ASGITransport,
    "async-wsgi": WSGITransportAsync,
    "sync-asgi": ASGITransportSync,
    "sync-wsgi": WSGITransport,
}
READ = object()
SCRIPTED = ContextVar("SCRIPTED", default="nothing")

Script = Callable[[], Generator[Any, Any, None]]


class App:
    """An application of either kind that does what a script says.

    A script is a generator. It yields bytes to write them, a pair for a trailer, and `READ` to read
    a chunk of the request body: `b""` at its end, `None` if the client has disconnected.
    """

    def __init__(self, script: Script, status: int = 200) -> None:
        self._script = script
        self._status = status
        self.request: Any = None

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        self.request = scope
        headers = [(b"X-Kind", b"one"), (b"x-kind", b"two")]
        trailers: list[tuple[bytes, bytes]] = []
        steps = self._script()
        try:
            step = next(steps)
            await send(
                {
                    "type": "http.response.start",
                    "status": self._status,
                    "headers": headers,
                    "trailers": True,
                }
            )
            while True:
                result = None
                if isinstance(step, tuple):
                    trailers.append(step)
                elif step is READ:
                    event = await receive()
                    result = event.get("body")
                else:
                    await send({"type": "http.response.body", "body": step, "more_body": True})
                step = steps.send(result)
        except StopIteration:
            await send({"type": "http.response.body"})
            await send({"type": "http.response.trailers", "headers": trailers})
        finally:
            steps.close()

    def wsgi(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        self.request = environ
        steps = self._script()
        try:
            step = next(steps)
            start_response(f"{self._status} Fine", [("X-Kind", "one"), ("x-kind", "two")])
            while True:
                result = None
                if isinstance(step, tuple):
                    pair = (step[0].decode(), step[1].decode())
                    environ["wsgi.ext.http.send_trailers"]([pair])
                elif step is READ:
                    result = read(environ["wsgi.input"])
                else:
                    yield step
                step = steps.send(result)
        except StopIteration:
            return
        finally:
            steps.close()


def read(body: Any) -> bytes | None:
    try:
        chunk: bytes = body.read1()
    except OSError:
        return None
    return chunk


class World:
    """An application behind one of the transports, used in the same way for all of them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_async = name.startswith("async")
        self.is_asgi = name.endswith("asgi")
        self._runner = asyncio.Runner()
        self._transports: list[Any] = []

    def wait(self, result: Any) -> Any:
        """Return the result of an operation; await it if it is async."""
        if not self.is_async:
            return result

        async def wait() -> Any:
            async with asyncio.timeout(STEP_SECONDS):
                return await result

        return self._runner.run(wait())

    def make(self, app: App, **options: Any) -> Any:
        transport = TRANSPORTS[self.name](app.asgi if self.is_asgi else app.wsgi, **options)
        self._transports.append(transport)
        return transport

    def send(
        self,
        app: App,
        body: bytes | Iterator[bytes] = b"",
        *,
        url: str = "http://test/",
        headers: Any = (),
        **options: Any,
    ) -> "Exchange":
        """Send a request and wait for its response head."""
        request = HttpRequest("POST", url, headers, body if isinstance(body, bytes) else None)
        stream = None if isinstance(body, bytes) else in_task(body) if self.is_async else body
        return Exchange(self, self.wait(self.make(app, **options).send(request, stream, soon())))

    def close(self) -> None:
        """End the calls, and the application."""
        try:
            while self._transports:
                transport = self._transports.pop()
                self.wait(transport.aclose() if self.is_async else transport.close())
        finally:
            self._runner.close()


class Exchange:
    """The response to a request, read chunk by chunk."""

    def __init__(self, world: World, response: Any) -> None:
        self._world = world
        self.response = response
        self._chunks = response.chunks() if world.is_async else response.chunks(soon())

    def next(self) -> bytes | None:
        chunk: bytes | None
        if self._world.is_async:
            chunk = self._world.wait(anext(self._chunks, None))
        else:
            chunk = next(self._chunks, None)
        return chunk

    def rest(self) -> list[bytes]:
        return list(iter(self.next, None))  # type: ignore[arg-type]

    def close(self) -> None:
        self._world.wait(self.response.aclose() if self._world.is_async else self.response.close())
        if self._world.is_async:
            self._world.wait(self._chunks.aclose())


async def in_task(body: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the items of an iterator that may block."""
    try:
        while (chunk := await asyncio.to_thread(next, body, None)) is not None:
            yield chunk
    finally:
        with suppress(ValueError):  # a thread is still in there
            body.close()  # type: ignore[attr-defined]


@pytest.fixture(params=TRANSPORTS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(request.param)
    yield world
    world.close()


def hello() -> Generator[Any, Any, None]:
    yield b"hello"


def test_response(world: World) -> None:
    def script() -> Generator[Any, Any, None]:
        yield b"one"
        yield b""
        yield b"X-End", b"1"
        yield b"two"
        yield b"x-end", b"2"

    exchange = world.send(App(script, status=418))
    assert exchange.response.status == 418
    assert exchange.response.headers == [(b"x-kind", b"one"), (b"x-kind", b"two")]
    assert exchange.rest() == [b"one", b"two"]
    assert exchange.response.trailers == [(b"x-end", b"1"), (b"x-end", b"2")]


def test_request(world: World) -> None:
    app = App(hello)
    world.send(
        app,
        b"12345",
        url="https://api.test:8443/r%C3%B6t/%C3%A4%20b?q=%20&r",
        headers=[("X-Twice", "1"), ("X-Twice", "2"), ("Content-Type", "text/plain")],
        root_path="/röt",
        client=("10.0.0.1", 1234),
        http_version="1.1",
    ).rest()
    seen = app.request
    if world.is_asgi:
        assert (seen["method"], seen["scheme"], seen["http_version"]) == ("POST", "https", "1.1")
        assert (seen["path"], seen["raw_path"]) == ("/röt/ä b", b"/r%C3%B6t/%C3%A4%20b")
        assert (seen["query_string"], seen["root_path"]) == (b"q=%20&r", "/röt")
        assert (seen["client"], seen["server"]) == (("10.0.0.1", 1234), ("api.test", 8443))
        headers = seen["headers"]
        assert [value for name, value in headers if name == b"x-twice"] == [b"1", b"2"]
        assert (b"host", b"api.test:8443") in headers
        assert (b"content-length", b"5") in headers
    else:
        assert (seen["REQUEST_METHOD"], seen["wsgi.url_scheme"]) == ("POST", "https")
        assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("/r\xc3\xb6t", "/\xc3\xa4 b")
        assert (seen["QUERY_STRING"], seen["SERVER_PROTOCOL"]) == ("q=%20&r", "HTTP/1.1")
        assert (seen["REMOTE_ADDR"], seen["REMOTE_PORT"]) == ("10.0.0.1", "1234")
        assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("api.test", "8443")
        assert (seen["HTTP_X_TWICE"], seen["HTTP_HOST"]) == ("1, 2", "api.test:8443")
        assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"]) == ("text/plain", "5")


def test_url_that_is_not_below_the_root_path(world: World) -> None:
    with pytest.raises(
        ValueError, match=r"does not begin with the root path '/api': http://test/apis"
    ):
        world.send(App(hello), url="http://test/apis", root_path="/api")


@pytest.mark.parametrize(
    "options", [{"root_path": "api"}, {"root_path": "/"}, {"http_version": "2.0"}]
)
def test_bad_options(world: World, options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(options.values()))):
        world.make(App(hello), **options)


def test_full_duplex(world: World) -> None:
    def echo() -> Generator[Any, Any, None]:
        yield b"welcome"
        while chunk := (yield READ):
            yield b"echo of " + chunk
        yield b"goodbye"

    outgoing: queue.Queue[bytes | None] = queue.Queue()
    exchange = world.send(App(echo), iter_of(outgoing))
    assert exchange.next() == b"welcome"
    for text in (b"one", b"two"):
        outgoing.put(text)
        assert exchange.next() == b"echo of " + text
    outgoing.put(None)
    assert exchange.rest() == [b"goodbye"]


def iter_of(outgoing: "queue.Queue[bytes | None]") -> Generator[bytes, None, None]:
    while (chunk := outgoing.get(timeout=STEP_SECONDS)) is not None:
        yield chunk


def test_a_response_waits_for_its_reader(world: World) -> None:
    written = 0
    is_over = threading.Event()

    def script() -> Generator[Any, Any, None]:
        nonlocal written
        try:
            while True:
                written += 1
                yield b"%d" % written
        finally:
            is_over.set()

    exchange = world.send(App(script))
    for number in range(1, 100):
        assert exchange.next() == b"%d" % number
        assert written <= number + 3
    exchange.close()
    world.close()
    assert is_over.wait(STEP_SECONDS)


def test_a_request_waits_for_its_reader(world: World) -> None:
    made = 0
    taken: list[int] = []

    def body() -> Generator[bytes, None, None]:
        nonlocal made
        for made in range(1, 101):
            yield b"%d," % made

    def script() -> Generator[Any, Any, None]:
        while (yield READ):
            taken.append(made - len(taken))
        yield b"done"

    exchange = world.send(App(script), body())
    assert exchange.rest() == [b"done"]
    assert max(taken) <= 4


def test_failure_of_the_application_before_its_response(world: World) -> None:
    failure = KeyError("secret")

    def script() -> Generator[Any, Any, None]:
        raise failure
        yield

    with pytest.raises(ConnectError, match="the application raised KeyError: 'secret'") as caught:
        world.send(App(script))
    assert caught.value.code is Code.INTERNAL
    assert caught.value.__cause__ is failure


def test_failure_of_the_application_in_its_response(world: World) -> None:
    failure = KeyError("secret")

    def script() -> Generator[Any, Any, None]:
        yield b"one"
        raise failure

    exchange = world.send(App(script))
    assert exchange.next() == b"one"
    with pytest.raises(ConnectError, match="the application raised KeyError") as caught:
        exchange.rest()
    assert caught.value.__cause__ is failure


def test_failure_after_the_client_disconnected_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    failure = KeyError("secret")

    def script() -> Generator[Any, Any, None]:
        try:
            while True:
                yield b"one"
        except GeneratorExit:
            raise failure from None

    with caplog.at_level(logging.ERROR, "connectrpc_client.testing"):
        exchange = world.send(App(script))
        assert exchange.next() == b"one"
        exchange.close()
        world.close()
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is failure


def test_failure_that_the_client_does_not_wait_for_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    failure = KeyError("secret")
    has_failed = threading.Event()

    def script() -> Generator[Any, Any, None]:
        yield b"one"
        try:
            yield b"two"
            raise failure
        finally:
            has_failed.set()

    with caplog.at_level(logging.ERROR, "connectrpc_client.testing"):
        exchange = world.send(App(script))
        assert exchange.next() == b"one"
        assert exchange.next() == b"two"
        if world.is_async:
            world.wait(asyncio.to_thread(has_failed.wait, STEP_SECONDS))
        assert has_failed.wait(STEP_SECONDS)
        exchange.close()
        world.close()
    (record,) = caplog.records
    assert record.exc_info is not None
    error = record.exc_info[1]
    assert failure in (error, getattr(error, "__cause__", None))


def test_failure_of_the_request_after_its_call_is_logged(world: World) -> None:
    failure = KeyError("mine")
    logged: queue.Queue[logging.LogRecord] = queue.Queue()

    def body() -> Generator[bytes, None, None]:
        try:
            while True:
                yield b"more"
        finally:
            raise failure

    def script() -> Generator[Any, Any, None]:
        yield READ
        while True:
            yield b"one"

    handler = QueueHandler(logged)
    handler.prepare = lambda record: record  # type: ignore[method-assign]
    logger = logging.getLogger("connectrpc_client.testing")
    logger.addHandler(handler)
    try:
        exchange = world.send(App(script), body())
        assert exchange.next() == b"one"
        exchange.close()
        world.close()
        record = logged.get(timeout=STEP_SECONDS)
    finally:
        logger.removeHandler(handler)
    assert record.exc_info is not None
    assert record.exc_info[1] is failure


def test_failure_of_the_request(world: World, caplog: pytest.LogCaptureFixture) -> None:
    failure = KeyError("mine")
    seen: list[bytes | None] = []
    is_read = threading.Event()

    def body() -> Generator[bytes, None, None]:
        yield b"one"
        assert is_read.wait(STEP_SECONDS)
        raise failure

    def script() -> Generator[Any, Any, None]:
        seen.append((yield READ))
        is_read.set()
        seen.append((yield READ))
        yield b"done"

    with pytest.raises(KeyError) as caught:
        world.send(App(script), body()).rest()
    assert caught.value is failure
    world.close()
    assert seen == [b"one", None]
    assert not caplog.records


def test_a_client_that_disconnects(world: World) -> None:
    seen: list[bytes | None] = []
    is_closed = threading.Event()
    outgoing: queue.Queue[bytes | None] = queue.Queue()

    def body() -> Generator[bytes, None, None]:
        try:
            yield from iter_of(outgoing)
        finally:
            is_closed.set()

    def script() -> Generator[Any, Any, None]:
        yield b"one"
        seen.append((yield READ))
        seen.append((yield READ))

    outgoing.put(b"only")
    exchange = world.send(App(script), body())
    assert exchange.next() == b"one"
    outgoing.put(None) if world.is_async else None  # a thread of to_thread cannot be interrupted
    exchange.close()
    world.close()
    assert seen[-1] is None
    outgoing.put(b"not wanted")
    assert is_closed.wait(STEP_SECONDS)


def test_an_early_response_ends_the_request(world: World) -> None:
    is_closed = threading.Event()

    def body() -> Generator[bytes, None, None]:
        try:
            while True:
                yield b"more"
        finally:
            is_closed.set()

    exchange = world.send(App(hello), body())
    assert exchange.rest() == [b"hello"]
    exchange.close()
    assert is_closed.wait(STEP_SECONDS)


def test_a_closed_transport_refuses(world: World) -> None:
    transport = world.make(App(hello))
    request = HttpRequest("POST", "http://test/", (), b"")
    world.wait(transport.aclose() if world.is_async else transport.close())
    with pytest.raises(RuntimeError, match="closed"):
        world.wait(transport.send(request, None, None))


def test_contexts_are_separate_as_over_a_network(world: World) -> None:
    def script() -> Generator[Any, Any, None]:
        yield SCRIPTED.get().encode()

    def body() -> Generator[bytes, None, None]:
        seen.append(SCRIPTED.get())
        yield b"one"

    seen: list[str] = []
    token = SCRIPTED.set("something")
    try:
        assert world.send(App(script), body()).rest() == [b"nothing"]
    finally:
        SCRIPTED.reset(token)
    assert seen == ["something"]
