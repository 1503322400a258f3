"""Calls that somebody ends: cancellation in every phase, and what is closed then."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import Cancellation, Code, ConnectError
from connectrpc_client.testing import ASGITransport, ASGITransportSync

PATIENCE = 60  # seconds that the slowest machine may take for one step
REQUESTS = [StringValue(value="a")]
KINDS = [("unary", "a"), ("client", REQUESTS), ("server", "a"), ("bidi", REQUESTS)]
STREAMS = [("server", "a"), ("bidi", REQUESTS)]


class Waiting:
    """An application that reads the request, answers with one message or nothing, and waits."""

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        self.waits = threading.Event()
        self.is_left = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"  # it has no lifespan
        while (await receive()).get("more_body"):
            pass
        if self.answers:
            headers = [(b"content-type", b"application/connect+proto")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            body = b"\0\0\0\0\3\n\1a"
            await send({"type": "http.response.body", "body": body, "more_body": True})
        self.waits.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        self.is_left.set()


class FailsAtTheEnd:
    """A metadata interceptor of both colours whose end goes wrong."""

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
    """Cancel a call while the application waits; it must see that."""

    async def check() -> None:
        async with ASGITransport(app) as transport:
            client = make_caller("async").make(http_client=transport, **options)
            task = asyncio.ensure_future(consume(client, name, argument))
            assert await asyncio.to_thread(app.waits.wait, PATIENCE)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(app.is_left.wait, PATIENCE)

    asyncio.run(check())


def cancel_sync(make_caller: Any, app: Waiting, call: Callable[[Any, Cancellation], None]) -> None:
    """The same for a sync call, by another thread."""
    cancellation = Cancellation()

    def cancel() -> None:
        app.waits.wait(PATIENCE)
        cancellation.cancel()

    with ASGITransportSync(app) as transport:
        client = make_caller("sync").make(http_client=transport)
        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(ConnectError) as caught:
            call(client, cancellation)
        thread.join(PATIENCE)
        assert caught.value.code is Code.CANCELED
        assert app.is_left.wait(PATIENCE)


class TestAsync:
    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_before_the_head(self, make_caller, name, argument):
        cancel_async(make_caller, Waiting(answers=False), name, argument)

    @pytest.mark.parametrize(("name", "argument"), STREAMS)
    def test_between_messages(self, make_caller, name, argument):
        cancel_async(make_caller, Waiting(answers=True), name, argument)

    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_an_interceptor_that_fails_does_not_stop_it(self, make_caller, name, argument):
        app = Waiting(answers=name in ("server", "bidi"))
        cancel_async(make_caller, app, name, argument, interceptors=[FailsAtTheEnd()])

    @pytest.mark.parametrize("name", ["client", "bidi"])
    @pytest.mark.parametrize("colour", ["async", "sync"])
    def test_requests_are_closed(self, make_caller, name, colour):
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
                await asyncio.to_thread(self.is_left.wait, PATIENCE)

        async def check():
            app = Stuck(answers=False)
            async with ASGITransport(app) as transport:
                client = make_caller("async").make(http_client=transport)
                argument = requests() if colour == "async" else plain_requests()
                task = asyncio.ensure_future(consume(client, name, argument))
                assert await asyncio.to_thread(app.waits.wait, PATIENCE)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert closed == [True]
                app.is_left.set()

        asyncio.run(check())


class TestSync:
    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_before_the_head(self, make_caller, name, argument):
        def call(client, cancellation):
            consume_sync(client, name, argument, cancellation=cancellation)

        cancel_sync(make_caller, Waiting(answers=False), call)

    @pytest.mark.parametrize(("name", "argument"), STREAMS)
    def test_between_messages(self, make_caller, name, argument):
        def call(client, cancellation):
            consume_sync(client, name, argument, cancellation=cancellation)

        cancel_sync(make_caller, Waiting(answers=True), call)

    @pytest.mark.parametrize(("name", "argument"), STREAMS)
    def test_generators(self, make_caller, name, argument):
        def call(client, cancellation):
            list(getattr(client, name)(argument, cancellation=cancellation))

        cancel_sync(make_caller, Waiting(answers=True), call)

    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_before_it_begins(self, make_caller, server, name, argument):
        cancellation = Cancellation()
        cancellation.cancel()
        with pytest.raises(ConnectError) as caught:
            consume_sync(make_caller("sync").make(), name, argument, cancellation=cancellation)
        assert caught.value.code is Code.CANCELED
        assert server.requests == []

    def test_messages_that_are_there_already_are_not_read(self, make_caller, server):
        server.answer = server.stream("a", "b")
        cancellation = Cancellation()
        output = make_caller("sync").make().call_server("a", cancellation=cancellation)
        assert next(output).value == "a"
        cancellation.cancel()
        with pytest.raises(ConnectError) as caught:
            next(output)
        assert caught.value.code is Code.CANCELED

    @pytest.mark.parametrize("answers", [False, True])
    @pytest.mark.parametrize("has_cancellation", [False, True])
    def test_closing_an_output_behind_interceptors(self, make_caller, answers, has_cancellation):
        app = Waiting(answers=answers)
        with ASGITransportSync(app) as transport:
            client = make_caller("sync").make(http_client=transport, interceptors=[Through()])
            cancellation = Cancellation() if has_cancellation else None
            output = client.call_server("a", cancellation=cancellation)

            def close():
                app.waits.wait(PATIENCE)
                output.close()

            thread = threading.Thread(target=close)
            thread.start()
            with pytest.raises(ConnectError) as caught:
                list(output)
            thread.join(PATIENCE)
            assert caught.value.code is Code.CANCELED
            assert app.is_left.wait(PATIENCE)
            assert cancellation is None or not cancellation.is_cancelled
