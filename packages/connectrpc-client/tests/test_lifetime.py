"""Clients and calls from their beginning to their end: closing, deadlines, cancellation."""

import asyncio
import socket
import sys
import threading
from contextlib import aclosing, closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from google.protobuf.wrappers_pb2 import Int64Value, StringValue

from connectrpc_client import Code, ConnectError

REQUESTS = [StringValue(value="a"), StringValue(value="b")]
KINDS = [("unary", "a"), ("client", REQUESTS), ("server", "a"), ("bidi", REQUESTS)]


class TestClosing:
    def close(self, caller, client):
        if caller.is_async:
            asyncio.run(client.aclose())
        else:
            client.close()

    def test_a_given_http_client_stays_open(self, caller):
        http_client = httpx.AsyncClient() if caller.is_async else httpx.Client()
        self.close(caller, caller.make(http_client=http_client))
        assert not http_client.is_closed

    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_a_closed_client_refuses_calls(self, caller, name, argument):
        client = caller.make()
        self.close(caller, client)
        with pytest.raises(RuntimeError, match="closed"):
            caller.call(name, argument, client=client)

    def test_context_manager(self, caller):
        client = caller.make(http_client=None)
        if caller.is_async:

            async def use():
                async with client as entered:
                    assert entered is client

            asyncio.run(use())
        else:
            with client as entered:
                assert entered is client
        with pytest.raises(RuntimeError, match="closed"):
            caller.call("unary", "hi", client=client)


def test_user_agent_of_the_default_http_client(caller, reflecting_server):
    client = caller.make(reflecting_server, http_client=None)
    output = caller.call("unary", "hi", client=client)
    assert output.headers["x-agent"].startswith("connectrpc-client/")


@pytest.mark.parametrize("library", ["httpx", "pyqwest"])
@pytest.mark.parametrize("name", ["user-agent", "User-Agent"])
def test_the_user_agent_of_a_call_replaces_the_default(
    caller, reflecting_server, library, name, monkeypatch
):
    if library == "httpx":
        monkeypatch.setitem(sys.modules, "pyqwest", None)
    client = caller.make(reflecting_server, http_client=None)
    if caller.is_async:

        async def call():
            async with client:
                return await client.call_unary("hi", headers={name: "mine/1"})

        output = asyncio.run(call())
    else:
        with client:
            output = client.call_unary("hi", headers={name: "mine/1"})
    assert output.headers["x-agent"] == "mine/1"


@pytest.mark.parametrize("library", ["httpx", "pyqwest"])
def test_no_cookies_are_kept(caller, reflecting_server, library, monkeypatch):
    """A cookie that one call received, perhaps for one user, is not sent with the next call."""
    if library == "httpx":
        monkeypatch.setitem(sys.modules, "pyqwest", None)
    client = caller.make(reflecting_server, http_client=None)
    if caller.is_async:

        async def call_twice():
            async with client:
                return [await client.call_unary("hi") for _ in range(2)]

        outputs = asyncio.run(call_twice())
    else:
        with client:
            outputs = [client.call_unary("hi") for _ in range(2)]
    assert library in outputs[0].headers["x-agent"]
    assert [output.headers["x-cookie"] for output in outputs] == ["", ""]


def test_no_server_listens(caller):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = caller.make(f"http://127.0.0.1:{unused.getsockname()[1]}", http_client=None)
        with pytest.raises(ConnectError) as caught:
            caller.call("unary", "hi", client=client)
        assert caught.value.code is Code.UNAVAILABLE


@pytest.fixture
def silent_server():
    """Accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def reflecting_server():
    """Responds with the user agent and the cookie of the request."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/proto")
            self.send_header("content-length", "0")
            self.send_header("x-agent", ", ".join(self.headers.get_all("user-agent")))
            self.send_header("x-cookie", self.headers.get("cookie", ""))
            self.send_header("set-cookie", "key=value; path=/")
            self.end_headers()

    yield from serve(Handler)


@pytest.fixture
def dripping_server():
    """Responds with a stream of one message, and then waits."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(200)
            self.send_header("content-type", "application/connect+proto")
            self.end_headers()
            self.wfile.write(b"\0\0\0\0\3\n\1a")
            self.rfile.read()  # until the client disconnects

    yield from serve(Handler)


@pytest.fixture
def half_silent_server():
    """Echoes the request of `Write`, and does not respond to other calls."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            if not self.path.endswith("/Write"):
                self.rfile.read()  # until the client disconnects
                return
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/proto")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    yield from serve(Handler)


def serve(handler):
    handler.protocol_version = "HTTP/1.1"
    handler.log_message = lambda *_: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(30)
    server.server_close()


class TestTimeouts:
    def test_header(self, caller, server):
        caller.call("unary", "hi", timeout_ms=60_000)
        assert 50_000 < int(server.requests[0].headers["connect-timeout-ms"]) <= 60_000

    def test_default_of_the_client(self, caller, server):
        caller.call("unary", "hi", client=caller.make(timeout_ms=60_000))
        assert "connect-timeout-ms" in server.requests[0].headers

    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_server_that_never_responds(self, caller, silent_server, name, argument):
        client = caller.make(silent_server, http_client=None)
        with pytest.raises(ConnectError) as caught:
            caller.call(name, argument, client=client, timeout_ms=100)
        assert caught.value.code is Code.DEADLINE_EXCEEDED

    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_the_deadline_has_already_passed(self, caller, name, argument):
        with pytest.raises(ConnectError) as caught:
            caller.call(name, argument, timeout_ms=0)
        assert caught.value.code is Code.DEADLINE_EXCEEDED

    def test_timeout_of_the_http_client(self, caller, silent_server):
        http_type = httpx.AsyncClient if caller.is_async else httpx.Client
        client = caller.make(silent_server, http_client=http_type(timeout=0.1))
        with pytest.raises(ConnectError) as caught:
            caller.call("unary", "hi", client=client)
        assert caught.value.code is Code.DEADLINE_EXCEEDED


class TestRequestIterators:
    @pytest.mark.parametrize("name", ["client", "bidi"])
    def test_their_exceptions_pass_through(self, caller, name):
        def requests():
            yield StringValue(value="a")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            caller.call(name, requests())

    @pytest.mark.parametrize("error", [httpx.ReadError("theirs"), httpx.ReadTimeout("theirs")])
    def test_exceptions_of_another_http_call_pass_through(self, caller, error):
        def requests():
            yield StringValue(value="a")
            raise error

        with pytest.raises(type(error)) as caught:
            caller.call("bidi", requests())
        assert caught.value is error

    @pytest.mark.parametrize("http_client", [None, httpx.AsyncClient])
    def test_are_closed_if_the_call_ends_early(self, make_caller, silent_server, http_client):
        async def requests(ended):
            try:
                while True:
                    yield StringValue(value="a")
                    await asyncio.sleep(0.01)
            finally:
                ended.set()

        async def check():
            ended = asyncio.Event()
            given = http_client and http_client()
            client = make_caller("async").make(silent_server, http_client=given)
            with pytest.raises(ConnectError, match="deadline_exceeded"):
                await client.call_bidi(requests(ended), timeout_ms=100)
            await asyncio.wait_for(ended.wait(), 30)

        asyncio.run(check())

    @pytest.mark.parametrize("name", ["client", "bidi"])
    def test_wrong_message(self, caller, name):
        for wrong in ("not a message", Int64Value()):
            with pytest.raises(TypeError, match=r"expected .* google\.protobuf\.StringValue"):
                caller.call(name, [wrong])

    def test_async_iterator(self, make_caller, server):
        async def requests():
            for request in REQUESTS:
                yield request

        server.handler = server.stream("ok")
        make_caller("async").call("client", requests())
        assert server.requests[0].content == b"\0\0\0\0\3\n\1a\0\0\0\0\3\n\1b"


def test_timeout_of_the_pool_is_not_a_deadline(caller, server):
    def fail(request):
        raise httpx.PoolTimeout("no place")

    server.handler = fail
    with pytest.raises(ConnectError) as caught:
        caller.call("unary", "hi")
    assert caught.value.code is Code.UNAVAILABLE


class TestCancellation:
    def waiting_client(self, make_caller, began):
        async def handle(request):
            began.set()
            await asyncio.Event().wait()

        http_client = httpx.AsyncClient(transport=httpx.MockTransport(handle))
        return make_caller("async").make(http_client=http_client)

    @pytest.mark.parametrize(("name", "argument"), KINDS)
    def test_stays_cancellation(self, make_caller, name, argument):
        async def check():
            began = asyncio.Event()
            client = self.waiting_client(make_caller, began)
            task = asyncio.ensure_future(getattr(client, f"call_{name}")(argument))
            await asyncio.wait_for(began.wait(), 30)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(check())

    @pytest.mark.parametrize("timeout_ms", [None, 60_000])
    def test_timeout_around_a_call(self, make_caller, timeout_ms):
        async def check():
            client = self.waiting_client(make_caller, asyncio.Event())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.call_unary("hi", timeout_ms=timeout_ms)

        asyncio.run(check())

    def test_task_group(self, make_caller):
        async def check():
            began = asyncio.Event()
            client = self.waiting_client(make_caller, began)

            async def fail():
                await began.wait()
                raise ZeroDivisionError

            async def both():
                async with asyncio.TaskGroup() as group:
                    group.create_task(client.call_unary("hi"))
                    group.create_task(fail())

            with pytest.raises(ExceptionGroup) as caught:
                await both()
            assert caught.group_contains(ZeroDivisionError)
            assert len(caught.value.exceptions) == 1

        asyncio.run(check())

    def test_many_cancelled_calls_leave_room_for_others(self, make_caller, half_silent_server):
        async def check():
            client = make_caller("async").make(half_silent_server, http_client=None)
            calls = [client.call_unary("hi", timeout_ms=1 + n % 23) for n in range(200)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert {outcome.code for outcome in outcomes} == {Code.DEADLINE_EXCEEDED}
            async with asyncio.timeout(30):
                assert (await client.call_write("hi")).message.value == "hi"
            await client.aclose()

        asyncio.run(check())


class TestStreamsEndEarly:
    @pytest.fixture
    def body(self, server, make_body):
        chunk = b"\0\0\0\0\3\n\1a"
        body = make_body([chunk, chunk, b"\2\0\0\0\2{}"])
        headers = {"content-type": "application/connect+proto"}
        server.handler = lambda _: httpx.Response(200, headers=headers, stream=body)
        return body

    def test_output(self, caller, body):
        client = caller.make()
        if caller.is_async:

            async def check():
                async with await client.call_server("a") as output:
                    assert (await anext(output)).value == "a"
                with pytest.raises(StopAsyncIteration):
                    await anext(output)

            asyncio.run(check())
        else:
            with client.call_server("a") as output:
                assert next(output).value == "a"
            with pytest.raises(StopIteration):
                next(output)
        assert body.is_closed

    def test_generator(self, caller, body):
        client = caller.make()
        if caller.is_async:

            async def check():
                async with aclosing(client.server("a")) as stream:
                    async for message in stream:
                        assert message.value == "a"
                        break

            asyncio.run(check())
        else:
            with closing(client.server("a")) as stream:
                for message in stream:
                    assert message.value == "a"
                    break
        assert body.is_closed

    def test_from_another_thread(self, make_caller, dripping_server):
        client = make_caller("sync").make(dripping_server, http_client=None)
        output = client.call_server("a")
        assert next(output).value == "a"
        closer = threading.Timer(0.2, output.close)
        closer.start()
        with pytest.raises(ConnectError) as caught:
            next(output)
        closer.join(30)
        assert caught.value.code is Code.CANCELED

    def test_never_begins_twice(self, caller, server):
        class Stubborn:
            def intercept_server_stream_sync(self, call_next, request, ctx):
                stream = call_next(request, ctx)
                for _ in range(3):
                    with suppress(ConnectError):
                        yield from stream

            async def intercept_server_stream(self, call_next, request, ctx):
                stream = call_next(request, ctx)
                for _ in range(3):
                    with suppress(ConnectError):
                        async for message in stream:
                            yield message

        server.handler = server.respond(503, "text/plain", b"")
        assert caller.call("server", "a", interceptors=[Stubborn()])[0] == []
        assert len(server.requests) == 1

    def test_at_the_end(self, caller, body):
        assert caller.call("bidi", REQUESTS)[0] == ["a", "a"]
        assert body.is_closed

    def test_generators_yield_everything(self, caller, body):
        client = caller.make()
        if caller.is_async:

            async def collect():
                return [message.value async for message in client.bidi(REQUESTS)]

            assert asyncio.run(collect()) == ["a", "a"]
        else:
            assert [message.value for message in client.bidi(REQUESTS)] == ["a", "a"]
        assert body.is_closed
