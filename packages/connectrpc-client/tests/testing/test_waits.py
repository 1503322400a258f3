"""The in-process transports: deadlines, cancellation and closing end waits."""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from connectrpc_client import Cancellation, Code, ConnectError
from connectrpc_client.testing import (
    ASGITransport,
    ASGITransportSync,
    WSGITransport,
    WSGITransportAsync,
    asgi_host,
    wsgi_host,
)
from connectrpc_protocol.http import HttpRequest

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step


def soon() -> float:
    """A deadline that the slowest machine keeps."""
    return time.monotonic() + STEP_SECONDS


REQUEST = HttpRequest("POST", "http://test/", (), b"")
START: dict[str, Any] = {"type": "http.response.start", "status": 200}


class Silence:
    """Applications that set `is_silent` and then wait until their client disconnects."""

    def __init__(self, first: bytes = b"") -> None:
        self.first = first
        self.is_silent = threading.Event()
        self.is_over = threading.Event()

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        if self.first:
            await send(START)
            await send({"type": "http.response.body", "body": self.first, "more_body": True})
        self.is_silent.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        with pytest.raises(ConnectionError, match="the client is gone"):
            await send({"type": "http.response.body"} if self.first else START)
        self.is_over.set()

    def wsgi(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        if self.first:
            start_response("200 OK", [])
            yield self.first
        self.is_silent.set()
        with pytest.raises(ConnectionError, match="the client is gone"):
            environ["wsgi.input"].read()
        self.is_over.set()


def endless() -> Iterator[bytes]:
    """Yield the chunks of a body that never ends."""
    while True:
        yield b"more"


async def endless_async() -> AsyncIterator[bytes]:
    while True:
        yield b"more"


def sync_transport(kind: str, app: Any) -> Any:
    return ASGITransportSync(app.asgi) if kind == "asgi" else WSGITransport(app.wsgi)


def async_transport(kind: str, app: Any) -> Any:
    return ASGITransport(app.asgi) if kind == "asgi" else WSGITransportAsync(app.wsgi)


kinds = pytest.mark.parametrize("kind", ["asgi", "wsgi"])
phases = pytest.mark.parametrize("first", [b"", b"first"])


def read_sync(transport: Any, seconds: float, cancellation: Cancellation | None = None) -> None:
    deadline = time.monotonic() + seconds
    response = transport.send(REQUEST._replace(body=None), endless(), deadline, cancellation)
    try:
        for chunk in response.chunks(deadline):
            assert chunk == b"first"
    finally:
        response.close()


async def read_async(transport: Any) -> None:
    response = await transport.send(REQUEST._replace(body=None), endless_async(), None)
    try:
        async for chunk in response.chunks():
            assert chunk == b"first"
    finally:
        await response.aclose()


@kinds
@phases
def test_sync_deadline(kind: str, first: bytes) -> None:
    app = Silence(first)
    with sync_transport(kind, app) as transport:
        with pytest.raises(ConnectError) as caught:
            read_sync(transport, 0.05)
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        assert app.is_over.wait(STEP_SECONDS)


@kinds
@phases
def test_sync_cancellation(kind: str, first: bytes) -> None:
    app = Silence(first)
    cancellation = Cancellation()

    def cancel() -> None:
        assert app.is_silent.wait(STEP_SECONDS)
        cancellation.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with sync_transport(kind, app) as transport:
        with pytest.raises(ConnectError) as caught:
            read_sync(transport, STEP_SECONDS, cancellation)
        assert caught.value.code is Code.CANCELED
        assert app.is_over.wait(STEP_SECONDS)
        canceller.join()
        with pytest.raises(ConnectError):
            read_sync(transport, STEP_SECONDS, cancellation)


@kinds
def test_closing_from_another_thread(kind: str) -> None:
    app = Silence(b"first")
    with sync_transport(kind, app) as transport:
        response = transport.send(REQUEST._replace(body=None), endless(), soon())
        chunks = response.chunks(soon())
        assert next(chunks) == b"first"
        closer = threading.Thread(target=response.close)
        closer.start()
        with pytest.raises(ConnectError) as caught:
            next(chunks)
        assert caught.value.code is Code.CANCELED
        closer.join()


@kinds
@phases
def test_interrupt_from_the_keyboard(kind: str, first: bytes) -> None:
    app = Silence(first)
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        assert app.is_silent.wait(STEP_SECONDS)
        signal.pthread_kill(main, signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    with sync_transport(kind, app) as transport:
        interrupter.start()
        with pytest.raises(KeyboardInterrupt):
            read_sync(transport, STEP_SECONDS)
        interrupter.join()
    assert app.is_over.wait(STEP_SECONDS)


@kinds
@phases
def test_async_cancellation(kind: str, first: bytes) -> None:
    app = Silence(first)

    async def main() -> None:
        async with async_transport(kind, app) as transport:
            task = asyncio.create_task(read_async(transport))
            await asyncio.to_thread(app.is_silent.wait, STEP_SECONDS)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(app.is_over.wait, STEP_SECONDS)

    asyncio.run(main())


@kinds
@phases
def test_async_timeout(kind: str, first: bytes) -> None:
    app = Silence(first)

    async def main() -> None:
        async with async_transport(kind, app) as transport:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await read_async(transport)
        assert app.is_over.is_set()

    asyncio.run(main())


def test_requests_that_close_their_own_call() -> None:
    async def main() -> None:
        async def body() -> AsyncIterator[bytes]:
            yield b"one"
            await (await responses.get()).aclose()

        responses: asyncio.Queue[Any] = asyncio.Queue()
        app = Silence(b"first")
        async with ASGITransport(app.asgi) as transport, asyncio.timeout(STEP_SECONDS):
            response = await transport.send(REQUEST._replace(body=None), body(), None)
            responses.put_nowait(response)
            with pytest.raises(ConnectError, match="canceled"):
                async for _ in response.chunks():
                    pass

    asyncio.run(main())


class Stuck:
    """Applications that do not notice a disconnect."""

    def __init__(self) -> None:
        self.is_cancelled = False
        self.may_end = threading.Event()

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send(START)
            try:
                await asyncio.Event().wait()
            finally:
                self.is_cancelled = True

    def wsgi(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        self.may_end.wait(STEP_SECONDS)


@pytest.fixture
def _short_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_host, "GRACE_PERIOD", 0.01)
    monkeypatch.setattr(wsgi_host, "GRACE_PERIOD", 0.01)


@pytest.mark.usefixtures("_short_grace_period")
def test_closing_cancels_an_asgi_application_that_does_not_end() -> None:
    sync, asynchronous = Stuck(), Stuck()
    with ASGITransportSync(sync.asgi) as transport:
        transport.send(REQUEST, None, soon())
    assert sync.is_cancelled

    async def main() -> None:
        async with ASGITransport(asynchronous.asgi) as transport:
            await transport.send(REQUEST, None, None)
        assert asynchronous.is_cancelled

    asyncio.run(main())


@pytest.mark.usefixtures("_short_grace_period")
def test_closing_leaves_a_wsgi_application_that_does_not_end() -> None:
    app = Stuck()
    with WSGITransport(app.wsgi) as transport:
        transport.send(REQUEST, None, soon())
    app.may_end.set()


def test_an_application_that_is_cancelled() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(0)

    async def main() -> None:
        transport = ASGITransport(app)
        with pytest.raises(ConnectError, match="the application raised CancelledError"):
            await transport.send(REQUEST, None, None)
        await transport.aclose()

    asyncio.run(main())
