"""Open calls: sending and receiving in any order, async and sync."""

import asyncio
import inspect
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import Int64Value, StringValue

from connectrpc_client import Cancellation, Code, ConnectError
from connectrpc_client.testing import ASGITransport, ASGITransportSync

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step


def text(value: str) -> StringValue:
    return StringValue(value=value)


def pack(value: str) -> bytes:
    data = text(value).SerializeToString()
    return struct.pack(">BI", 0, len(data)) + data


def end(data: bytes = b'{"metadata": {"x-end": ["t"]}}') -> bytes:
    return struct.pack(">BI", 2, len(data)) + data


def error(code: str) -> bytes:
    return end(f'{{"error": {{"code": "{code}"}}, "metadata": {{"x-end": ["t"]}}}}'.encode())


class Peer:
    """The server's side, for scripts: read a message of the request, write bytes."""

    def __init__(self, receive: Any, send: Any) -> None:
        self._receive = receive
        self._send = send

    async def read(self) -> bytes:
        """Return a message as it arrived; `b""` at the end of the requests."""
        chunk: bytes = b""
        while not chunk:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise ConnectionResetError
            chunk = event["body"]
            if not event.get("more_body"):
                break
        return chunk

    async def start(self) -> None:
        headers = [(b"content-type", b"application/connect+proto"), (b"x-out", b"h")]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self.write(b"")

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})


Script = Callable[[Peer], Awaitable[None]]


async def echo(peer: Peer) -> None:
    await peer.start()
    while message := await peer.read():
        await peer.write(message)
    await peer.write(end())


async def count(peer: Peer) -> None:
    number = 0
    while await peer.read():
        number += 1
    await peer.start()
    await peer.write(pack(str(number)) + end())


async def silence(peer: Peer) -> None:
    while True:  # until the client disconnects
        await peer.read()


class World:
    """An async or sync client of a scripted application, used in the same way."""

    def __init__(self, make_caller: Any, side: str) -> None:
        self.is_async = side == "async"
        self.caller = make_caller(side)
        self.script: Script = echo
        self.gone = threading.Event()
        self.received: list[bytes] = []
        self._runner = asyncio.Runner()
        self._transports: list[Any] = []

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self.script(Peer(receive, send))
        except (ConnectionResetError, asyncio.CancelledError):
            self.gone.set()
        else:
            with suppress(OSError):
                await send({"type": "http.response.body"})

    def client(self, **options: Any) -> Any:
        if "http_client" not in options:
            transport = (ASGITransport if self.is_async else ASGITransportSync)(self.app)
            self._transports.append(transport)
            options["http_client"] = transport
        return self.caller.make(**options)

    def do(self, result: Any) -> Any:
        """Return the result of an operation; await it if it is async."""
        if not inspect.isawaitable(result):
            return result

        async def bounded() -> Any:
            async with asyncio.timeout(STEP_SECONDS):
                return await result

        return self._runner.run(bounded())

    def open(self, name: str, *, client: Any = None, **options: Any) -> Any:
        """Return a call that has begun."""
        options.setdefault("timeout_ms", STEP_SECONDS * 1000)
        call = getattr(client or self.client(), f"open_{name}")(**options)
        return self.do(call.__aenter__() if self.is_async else call.__enter__())

    def leave(self, call: Any, exc: BaseException | None = None) -> None:
        arguments = (type(exc) if exc else None, exc, exc.__traceback__ if exc else None)
        self.do(call.__aexit__(*arguments) if self.is_async else call.__exit__(*arguments))

    def close(self, call: Any) -> None:
        self.do(call.aclose() if self.is_async else call.close())

    def send(self, call: Any, *texts: str) -> None:
        for each in texts:
            self.do(call.send(text(each)))

    def receive(self, call: Any) -> str | None:
        message = self.do(call.receive())
        return message and message.value

    def together(self, *functions: Callable[[], Any]) -> list[BaseException | None]:
        """Call the functions at the same time, and return what they raise."""
        if self.is_async:

            async def one(function: Callable[[], Any]) -> None:
                result = function()
                if inspect.isawaitable(result):
                    await result

            async def every() -> list[BaseException | None]:
                tasks = [one(function) for function in functions]
                return await asyncio.gather(*tasks, return_exceptions=True)

            return self.do(every())
        raised: list[BaseException | None] = [None] * len(functions)

        def run(number: int) -> None:
            try:
                functions[number]()
            except BaseException as exc:
                raised[number] = exc

        threads = [
            threading.Thread(target=run, args=(number,), daemon=True)
            for number in range(len(functions))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(STEP_SECONDS)
            assert not thread.is_alive()
        return raised

    def is_gone(self) -> bool:
        """Wait until the server has seen the end of the call. Returns false after a timeout."""
        if self.is_async:
            self.do(asyncio.to_thread(self.gone.wait, STEP_SECONDS))
        return self.gone.wait(STEP_SECONDS)

    def end(self) -> None:
        for transport in self._transports:
            self.do(transport.aclose() if self.is_async else transport.close())
        self._runner.close()


@pytest.fixture(params=["async", "sync"])
def world(request: pytest.FixtureRequest, make_caller: Any) -> Iterator[World]:
    world = World(make_caller, request.param)
    yield world
    world.end()


@pytest.fixture
def async_world(make_caller: Any) -> Iterator[World]:
    world = World(make_caller, "async")
    yield world
    world.end()


@pytest.fixture
def sync_world(make_caller: Any) -> Iterator[World]:
    world = World(make_caller, "sync")
    yield world
    world.end()


def code_of(function: Callable[[], Any]) -> Code:
    with pytest.raises(ConnectError) as caught:
        function()
    return caught.value.code


class TestBidi:
    def test_in_turns(self, world):
        call = world.open("bidi")
        for each in ("a", "b"):
            world.send(call, each)
            assert world.receive(call) == each
        world.do(call.close_send())
        assert world.receive(call) is None
        assert (call.headers["x-out"], call.trailers["x-end"]) == ("h", "t")
        assert world.receive(call) is None
        world.leave(call)

    def test_headers_come_first(self, world):
        call = world.open("bidi")
        assert world.do(call.wait_for_headers())["x-out"] == "h"
        assert world.do(call.wait_for_headers()) is call.headers
        world.leave(call)

    def test_iteration(self, world):
        call = world.open("bidi")
        world.send(call, "a")
        world.do(call.close_send())
        if world.is_async:

            async def collect():
                return [message.value async for message in call]

            assert world.do(collect()) == ["a"]
        else:
            assert [message.value for message in call] == ["a"]
        world.leave(call)

    def test_sending_and_receiving_at_the_same_time(self, world):
        call = world.open("bidi")
        numbers = [str(number) for number in range(200)]
        received = []
        if world.is_async:

            async def send():
                for each in numbers:
                    await call.send(text(each))
                await call.close_send()

            async def receive():
                received.extend([message.value async for message in call])
        else:

            def send():
                for each in numbers:
                    call.send(text(each))
                call.close_send()

            def receive():
                received.extend(message.value for message in call)

        assert world.together(send, receive) == [None, None]
        assert received == numbers
        world.leave(call)

    def test_error_of_the_server(self, world):
        async def script(peer):
            await peer.start()
            await peer.write(await peer.read() + error("aborted"))

        world.script = script
        call = world.open("bidi")
        world.send(call, "a")
        assert world.receive(call) == "a"
        assert code_of(lambda: world.receive(call)) is Code.ABORTED
        assert code_of(lambda: world.send(call, "b")) is Code.ABORTED
        assert code_of(lambda: world.receive(call)) is Code.ABORTED
        assert call.trailers["x-end"] == "t"
        world.leave(call)

    def test_error_before_the_head(self, world):
        async def script(peer):
            await peer._send({"type": "http.response.start", "status": 503, "headers": []})

        world.script = script
        call = world.open("bidi")
        assert code_of(lambda: world.do(call.wait_for_headers())) is Code.UNAVAILABLE
        assert code_of(lambda: world.send(call, "a", "b", "c")) is Code.UNAVAILABLE
        world.leave(call)

    def test_the_server_ends_early(self, world):
        async def script(peer):
            await peer.start()
            await peer.write(end())

        world.script = script
        call = world.open("bidi")
        assert world.receive(call) is None
        with pytest.raises(EOFError, match="the server has ended the call"):
            world.send(call, "a")
        world.leave(call)

    def test_the_server_ends_early_before_its_responses_are_read(self, world):
        async def script(peer):
            await peer.start()
            await peer.write(pack("1") + pack("2") + pack("3") + end())

        world.script = script
        call = world.open("bidi")
        with pytest.raises(EOFError):
            world.send(call, *("a" for _ in range(1000)))
        assert [world.receive(call) for _ in range(4)] == ["1", "2", "3", None]
        world.leave(call)

    def test_wrong_message(self, world):
        call = world.open("bidi")
        world.do(call.send(Int64Value()))
        with pytest.raises(TypeError, match=r"expected .* google\.protobuf\.StringValue"):
            world.receive(call)
        world.leave(call)

    def test_sending_after_the_requests(self, world):
        call = world.open("bidi")
        world.do(call.close_send())
        world.do(call.close_send())
        with pytest.raises(RuntimeError, match="requests of this call have ended"):
            world.send(call, "a")
        assert world.receive(call) is None
        world.leave(call)


class TestClientStream:
    @pytest.mark.parametrize("library", ["in process", "httpx"])
    def test_one_by_one(self, world, server, library):
        world.script = count
        server.handler = server.stream("2", end=b'{"metadata": {"X-End": ["t"]}}', x_out="h")
        client = world.client() if library == "in process" else world.caller.make()
        call = world.open("client", client=client)
        world.send(call, "a", "b")
        assert world.do(call.close_and_receive()).value == "2"
        assert (call.headers["x-out"], call.trailers["x-end"]) == ("h", "t")
        assert world.do(call.close_and_receive()).value == "2"
        world.leave(call)
        if library == "httpx":
            assert server.requests[0].content == pack("a") + pack("b")

    def test_early_error(self, world):
        async def script(peer):
            await peer.read()
            await peer.start()
            await peer.write(error("resource_exhausted"))

        world.script = script
        call = world.open("client")
        assert (
            code_of(lambda: world.send(call, *("a" for _ in range(1000))))
            is Code.RESOURCE_EXHAUSTED
        )
        assert code_of(lambda: world.do(call.close_and_receive())) is Code.RESOURCE_EXHAUSTED
        world.leave(call)

    def test_early_response(self, world):
        async def script(peer):
            await peer.read()
            await peer.start()
            await peer.write(pack("enough") + end())

        world.script = script
        call = world.open("client")
        with pytest.raises(EOFError):
            world.send(call, *("a" for _ in range(1000)))
        assert world.do(call.close_and_receive()).value == "enough"
        world.leave(call)


KINDS = ["client", "bidi"]
RESULTS = {"client": "close_and_receive", "bidi": "receive"}


@pytest.mark.parametrize("name", KINDS)
class TestLife:
    def result(self, call, name):
        return getattr(call, RESULTS[name])()

    def test_must_begin(self, world, name):
        call = getattr(world.client(), f"open_{name}")()
        for operation in (lambda: world.send(call, "a"), lambda: world.do(self.result(call, name))):
            with pytest.raises(RuntimeError, match="use it with"):
                operation()
        world.close(call)

    def test_begins_once(self, world, name):
        call = world.open(name)
        with pytest.raises(RuntimeError, match="begun before"):
            world.do(call.__aenter__() if world.is_async else call.__enter__())
        world.leave(call)

    def test_closed_client(self, world, name):
        client = world.client()
        world.do(client.aclose() if world.is_async else client.close())
        with pytest.raises(RuntimeError, match="closed"):
            world.open(name, client=client)

    @pytest.mark.parametrize("ending", ["leave", "close", "cancel"])
    def test_ending_it(self, world, name, ending):
        world.script = silence
        call = world.open(name)
        world.send(call, "a", "b")
        if ending == "cancel":
            call.cancel()
        else:
            getattr(world, ending)(call)
        assert code_of(lambda: world.send(call, "c")) is Code.CANCELED
        assert code_of(lambda: world.do(self.result(call, name))) is Code.CANCELED
        assert world.is_gone()
        world.leave(call)

    def test_cancel_ends_a_wait(self, world, name):
        world.script = silence
        call = world.open(name)
        world.send(call, "a")

        def cancel():
            if world.is_async:
                call.cancel()
            else:
                threading.Timer(0.1, call.cancel).start()

        raised = world.together(lambda: self.result(call, name), cancel)
        assert isinstance(raised[0], ConnectError)
        assert raised[0].code is Code.CANCELED
        assert world.is_gone()
        world.leave(call)

    def test_deadline(self, world, name):
        world.script = silence
        call = world.open(name, timeout_ms=100)
        assert code_of(lambda: world.do(self.result(call, name))) is Code.DEADLINE_EXCEEDED
        world.leave(call)

    def test_deadline_of_sending(self, world, name):
        is_over = threading.Event()

        async def script(peer):
            await asyncio.to_thread(is_over.wait, STEP_SECONDS)

        world.script = script
        call = world.open(name, timeout_ms=100)
        code = code_of(lambda: world.send(call, *("a" for _ in range(1000))))
        is_over.set()
        assert code is Code.DEADLINE_EXCEEDED
        world.leave(call)

    def test_bad_arguments(self, world, name):
        with pytest.raises(ValueError, match="timeout_ms must not be negative"):
            world.open(name, timeout_ms=-1)
        with pytest.raises(ValueError, match="header"):
            world.open(name, headers={"x-in": "a\r\nb"})

    def test_no_server_listens(self, world, name, unused_url):
        client = world.client(http_client=None, base_url=unused_url)
        call = world.open(name, client=client)
        code = code_of(lambda: world.do(self.result(call, name)))
        assert code is Code.UNAVAILABLE
        world.leave(call)
        world.do(client.aclose() if world.is_async else client.close())


def test_half_duplex_is_refused(world, server):
    code = code_of(lambda: world.open("bidi", client=world.caller.make()))
    assert code is Code.UNIMPLEMENTED
    with pytest.raises(ConnectError, match=r"pip install 'connectrpc-client\[pyqwest\]'"):
        world.open("bidi", client=world.caller.make())
    assert server.requests == []


class Watching:
    """A metadata interceptor for async and sync clients that notes how calls end."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.seen: list[BaseException | None] = []

    def on_start_sync(self, ctx):
        if self.refusal is not None:
            raise self.refusal

    def on_end_sync(self, token, ctx, error):
        self.seen.append(error)

    async def on_start(self, ctx):
        self.on_start_sync(ctx)

    async def on_end(self, token, ctx, error):
        self.on_end_sync(token, ctx, error)


@pytest.mark.parametrize("name", KINDS)
class TestMetadataInterceptors:
    def test_success(self, world, name):
        world.script = count
        watching = Watching()
        call = world.open(name, client=world.client(interceptors=[watching]))
        world.do(call.close_and_receive() if name == "client" else call.close_send())
        if name == "bidi":
            assert [world.receive(call), world.receive(call)] == ["0", None]
        assert watching.seen == [None]
        world.leave(call)

    def test_refusal(self, world, name):
        watching = Watching(ConnectError(Code.PERMISSION_DENIED))
        call = world.open(name, client=world.client(interceptors=[watching]))
        assert code_of(lambda: world.send(call, "a")) is Code.PERMISSION_DENIED
        world.leave(call)
        assert watching.seen == []

    def test_leaving_is_not_an_error(self, world, name):
        world.script = silence
        watching = Watching()
        call = world.open(name, client=world.client(interceptors=[watching]))
        world.send(call, "a")
        world.leave(call)
        assert watching.seen == [None]

    def test_cancelling_is_an_error(self, world, name):
        world.script = silence
        watching = Watching()
        call = world.open(name, client=world.client(interceptors=[watching]))
        world.send(call, "a")
        call.cancel()
        world.leave(call)
        [error] = watching.seen
        assert error.code is Code.CANCELED

    def test_error_in_the_block(self, world, name):
        world.script = silence
        watching = Watching()
        call = world.open(name, client=world.client(interceptors=[watching]))
        world.send(call, "a")
        try:
            try:
                raise KeyError
            except KeyError as cause:
                raise ZeroDivisionError from cause
        except ZeroDivisionError as exc:
            failure = exc
        story = failure.__cause__, failure.__context__, failure.__traceback__
        world.leave(call, failure)
        assert watching.seen == [failure]
        assert (failure.__cause__, failure.__context__, failure.__traceback__) == story

    def test_deadline(self, world, name):
        world.script = silence
        watching = Watching()
        client = world.client(interceptors=[watching])
        call = world.open(name, client=client, timeout_ms=100)
        result = getattr(call, RESULTS[name])
        assert code_of(lambda: world.do(result())) is Code.DEADLINE_EXCEEDED
        world.leave(call)
        [error] = watching.seen
        assert error.code is Code.DEADLINE_EXCEEDED


class Named:
    async def intercept_client_stream(self, call_next, requests, ctx):
        response = await call_next(self.changed(requests), ctx)
        response.value += "!"
        return response

    async def intercept_bidi_stream(self, call_next, requests, ctx):
        async for response in call_next(self.changed(requests), ctx):
            response.value += "!"
            yield response

    async def changed(self, requests):
        async for request in requests:
            request.value += "+"
            yield request


class NamedSync:
    def intercept_client_stream_sync(self, call_next, requests, ctx):
        response = call_next(self.changed(requests), ctx)
        response.value += "!"
        return response

    def intercept_bidi_stream_sync(self, call_next, requests, ctx):
        for response in call_next(self.changed(requests), ctx):
            response.value += "!"
            yield response

    def changed(self, requests):
        for request in requests:
            request.value += "+"
            yield request


class TestStreamInterceptors:
    def open(self, world, name):
        named = Named() if world.is_async else NamedSync()
        return world.open(name, client=world.client(interceptors=[named]))

    def test_bidi(self, world):
        call = self.open(world, "bidi")
        assert world.do(call.wait_for_headers())["x-out"] == "h"
        world.send(call, "a")
        assert world.receive(call) == "a+!"
        world.do(call.close_send())
        assert world.receive(call) is None
        world.leave(call)

    def test_client_stream(self, world):
        world.script = count
        call = self.open(world, "client")
        world.send(call, "a")
        assert world.do(call.close_and_receive()).value == "1!"
        world.leave(call)

    @pytest.mark.parametrize("name", KINDS)
    def test_leaving_early(self, world, name):
        world.script = silence
        call = self.open(world, name)
        world.send(call, "a")
        world.leave(call)
        assert world.is_gone()


class TestAsync:
    def test_a_timeout_around_receiving_loses_nothing(self, async_world):
        call = async_world.open("bidi")

        async def check():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await call.receive()
            await call.send(text("a"))
            assert (await call.receive()).value == "a"

        async_world.do(check())
        async_world.leave(call)

    def test_a_request_that_is_cancelled_before_it_was_taken_is_not_sent(self, async_world):
        reading = asyncio.Event()
        received = []

        async def script(peer):
            await reading.wait()
            while message := await peer.read():
                received.append(message)
            await peer.start()
            await peer.write(end())

        async_world.script = script
        call = async_world.open("bidi")

        async def check():
            sent = 0
            with suppress(TimeoutError):
                while True:
                    async with asyncio.timeout(0.2):
                        await call.send(text(str(sent)))
                    sent += 1
            reading.set()
            await call.send(text("last"))
            await call.close_send()
            assert await call.receive() is None
            return sent

        sent = async_world.do(check())
        assert received == [*(pack(str(number)) for number in range(sent)), pack("last")]
        async_world.leave(call)

    @pytest.mark.parametrize("name", KINDS)
    def test_cancellation_of_the_task_around(self, async_world, name):
        async_world.script = silence
        watching = Watching()
        client = async_world.client(interceptors=[watching])

        async def use(began):
            async with getattr(client, f"open_{name}")() as call:
                await call.send(text("a"))
                began.set()
                await getattr(call, RESULTS[name])()

        async def check():
            began = asyncio.Event()
            task = asyncio.create_task(use(began))
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        async_world.do(check())
        assert async_world.is_gone()
        [error] = watching.seen
        assert isinstance(error, asyncio.CancelledError)


class TestSync:
    @pytest.mark.parametrize("name", KINDS)
    def test_cancellation(self, sync_world, name):
        sync_world.script = silence
        cancellation = Cancellation()
        call = sync_world.open(name, cancellation=cancellation)
        sync_world.send(call, "a")
        threading.Timer(0.1, cancellation.cancel).start()
        assert code_of(getattr(call, RESULTS[name])) is Code.CANCELED
        assert sync_world.is_gone()
        sync_world.leave(call)

    @pytest.mark.parametrize("name", KINDS)
    def test_cancelled_before_it_begins(self, sync_world, name):
        cancellation = Cancellation()
        cancellation.cancel()
        call = sync_world.open(name, cancellation=cancellation)
        assert code_of(lambda: sync_world.send(call, "a")) is Code.CANCELED
        sync_world.leave(call)

    def test_closing_one_call_does_not_end_others_of_its_cancellation(self, sync_world):
        cancellation = Cancellation()
        client = sync_world.client()
        first = sync_world.open("bidi", client=client, cancellation=cancellation)
        second = sync_world.open("bidi", client=client, cancellation=cancellation)
        sync_world.leave(first)
        sync_world.send(second, "a")
        assert sync_world.receive(second) == "a"
        assert not cancellation.is_cancelled
        sync_world.leave(second)
