"""Calls that are cancelled in each of their phases, and the iterators that this closes."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import Cancellation, Code, ConnectError
from connectrpc_client.testing import ASGITransport, ASGITransportSync

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step
REQUESTS = [StringValue(value="a")]
KINDS = [("unary", "a"), ("client", REQUESTS), ("server", "a"), ("bidi", REQUESTS)]
STREAMS = [("server", "a"), ("bidi", REQUESTS)]


class Waiting:
    """An application that reads the request, sends one response message or none, and waits."""

    def __init__(self, *, responds: bool) -> None:
        self.responds = responds
        self.waits = threading.Event()
        self.is_disconnected = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"  # the lifespan does not run
        while (await receive()).get("more_body"):
            pass
        if self.responds:
            headers = [(b"content-type", b"application/connect+proto")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            body = b"\0\0\0\0\3\n\1a"
            await send({"type": "http.response.body", "body": body, "more_body": True})
        self.waits.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        self.is_disconnected.set()


class FailsAtTheEnd:
    """A metadata interceptor for async and sync clients whose `on_end` raises."""

    def on_start_sync(self, ctx: Any) -> None: ...

    def on_end_sync(self, token: None, ctx: Any, error: BaseException | None) -> None:
        raise ValueError("at the end")

    async def on_start(self, ctx: Any) -> None: ...

    async def on_end(self, token: None, ctx: Any, error: BaseException | None) -> None:
        raise ValueError("at the end")


class Through:
    """A stream interceptor that changes nothing."""

    def intercept_server_stream_sync(self, call_next: Any, request: Any, ctx: Any) -> Iterator[Any]:
        yield from call_next(request, ctx)


async def consume(client: Any, name: str, argument: Any) -> None:
    output = await getattr(client, f"call_{name}")(argument)
    if name in ("server", "bidi"):
        async for _ in output:
            pass


def consume_sync(client: Any, name: str, argument: Any, **options: Any) -> None:
    output = getattr(client, f"call_{name}")(argument, **options)
    if name in ("server", "bidi"):
        for _ in output:
            pass


def cancel_async(make_caller: Any, app: Waiting, name: str, argument: Any, **options: Any) -> None:
    """Cancel a call while the application waits. The application must see a disconnect."""

    async def check() -> None:
        async with ASGITransport(app) as transport:
            client = make_caller("async").make(http_client=transport, **options)
            task = asyncio.ensure_future(consume(client, name, argument))
            assert await asyncio.to_thread(app.waits.wait, STEP_SECONDS)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(app.is_disconnected.wait, STEP_SECONDS)

    asyncio.run(check())


def cancel_sync(make_caller: Any, app: Waiting, call: Callable[[Any, Cancellation], None]) -> None:
    """Cancel a sync call from another thread in the same way."""
    cancellation = Cancellation()

    def cancel() -> None:
        app.waits.wait(STEP_SECONDS)
        cancellation.cancel()

    with ASGITransportSync(app) as transport:
        client = make_caller("sync").make(http_client=transport)
        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(ConnectError) as caught:
            call(client, cancellation)
        thread.join(STEP_SECONDS)
        assert caught.value.code is Code.CANCELED
        assert app.is_disconnected.wait(STEP_SECONDS)


class TestAsync:
    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_before_the_head(self, make_caller, name, argument):
        cancel_async(make_caller, Waiting(responds=False), name, argument)

    @pytest.mark.parametrize(("name", "argument"), STREAMS)
    def test_between_messages(self, make_caller, name, argument):
        cancel_async(make_caller, Waiting(responds=True), name, argument)

    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_an_interceptor_that_fails_does_not_stop_it(self, make_caller, name, argument):
        app = Waiting(responds=name in ("server", "bidi"))
        cancel_async(make_caller, app, name, argument, interceptors=[FailsAtTheEnd()])

    @pytest.mark.parametrize("name", ["client", "bidi"])
    @pytest.mark.parametrize("iterable", ["async", "sync"])
    def test_requests_are_closed(self, make_caller, name, iterable):
        closed = []

        async def requests():
            try:
                yield StringValue(value="a")
                await asyncio.Event().wait()
            finally:
                closed.append(True)

        def plain_requests():
            try:
                while True:
                    yield StringValue(value="a")
            finally:
                closed.append(True)

        class Stuck(Waiting):
            async def __call__(self, scope, receive, send):
                assert scope["type"] == "http"
                await receive()
                self.waits.set()
                await asyncio.to_thread(self.is_disconnected.wait, STEP_SECONDS)

        async def check():
            app = Stuck(responds=False)
            async with ASGITransport(app) as transport:
                client = make_caller("async").make(http_client=transport)
                argument = requests() if iterable == "async" else plain_requests()
                task = asyncio.ensure_future(consume(client, name, argument))
                assert await asyncio.to_thread(app.waits.wait, STEP_SECONDS)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert closed == [True]
                app.is_disconnected.set()

        asyncio.run(check())


class TestSync:
    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_before_the_head(self, make_caller, name, argument):
        def call(client, cancellation):
            consume_sync(client, name, argument, cancellation=cancellation)

        cancel_sync(make_caller, Waiting(responds=False), call)

    @pytest.mark.parametrize(("name", "argument"), STREAMS)
    def test_between_messages(self, make_caller, name, argument):
        def call(client, cancellation):
            consume_sync(client, name, argument, cancellation=cancellation)

        cancel_sync(make_caller, Waiting(responds=True), call)

    @pytest.mark.parametrize(("name", "argument"), STREAMS)
    def test_generators(self, make_caller, name, argument):
        def call(client, cancellation):
            list(getattr(client, name)(argument, cancellation=cancellation))

        cancel_sync(make_caller, Waiting(responds=True), call)

    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_before_it_begins(self, make_caller, server, name, argument):
        cancellation = Cancellation()
        cancellation.cancel()
        with pytest.raises(ConnectError) as caught:
            consume_sync(make_caller("sync").make(), name, argument, cancellation=cancellation)
        assert caught.value.code is Code.CANCELED
        assert server.requests == []

    def test_messages_that_have_already_arrived_are_not_read(self, make_caller, server):
        server.handler = server.stream("a", "b")
        cancellation = Cancellation()
        output = make_caller("sync").make().call_server("a", cancellation=cancellation)
        assert next(output).value == "a"
        cancellation.cancel()
        with pytest.raises(ConnectError) as caught:
            next(output)
        assert caught.value.code is Code.CANCELED

    @pytest.mark.parametrize("responds", [False, True])
    @pytest.mark.parametrize("has_cancellation", [False, True])
    def test_closing_an_output_behind_interceptors(self, make_caller, responds, has_cancellation):
        app = Waiting(responds=responds)
        with ASGITransportSync(app) as transport:
            client = make_caller("sync").make(http_client=transport, interceptors=[Through()])
            cancellation = Cancellation() if has_cancellation else None
            output = client.call_server("a", cancellation=cancellation)

            def close():
                app.waits.wait(STEP_SECONDS)
                output.close()

            thread = threading.Thread(target=close)
            thread.start()
            with pytest.raises(ConnectError) as caught:
                list(output)
            thread.join(STEP_SECONDS)
            assert caught.value.code is Code.CANCELED
            assert app.is_disconnected.wait(STEP_SECONDS)
            assert cancellation is None or not cancellation.is_cancelled
