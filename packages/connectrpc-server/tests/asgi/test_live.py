"""ASGI applications on real servers: duplex, gRPC, disconnects, early responses."""

import asyncio
import struct
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import grpc
import httpx
import pyqwest
import pytest
from google.protobuf.wrappers_pb2 import StringValue

SERVERS = Path(__file__).parents[1] / "servers"
STEP_TIMEOUT = 60  # seconds; the slowest machine needs less for one step
PROTO = [("content-type", "application/proto")]
STREAM = [("content-type", "application/connect+proto")]
LARGE = b"x" * 1_500_000
END = b"\x02\x00\x00\x00\x02{}"
HTTP1, HTTP2 = pyqwest.HTTPVersion.HTTP1, pyqwest.HTTPVersion.HTTP2

every_server = pytest.mark.parametrize("name", ["h11", "httptools", "zttp", "hypercorn", "pyvoy"])
over_http2 = pytest.mark.parametrize("name", ["zttp", "hypercorn", "pyvoy"])
VERSIONS = [
    ("h11", HTTP1),
    ("httptools", HTTP1),
    *((name, version) for name in ("zttp", "hypercorn", "pyvoy") for version in (HTTP1, HTTP2)),
]
every_version = pytest.mark.parametrize(("name", "version"), VERSIONS)


@pytest.fixture(scope="module")
def port_of(serving):
    """Start each server once, when the first test needs it."""
    ports = {}
    with ExitStack() as stack:

        def port_of(name):
            if name not in ports:
                ports[name] = stack.enter_context(serving("on_asgi.py", name))
            return ports[name]

        yield port_of


def message(text):
    return StringValue(value=text).SerializeToString()


def envelope(text):
    return struct.pack(">BI", 0, len(message(text))) + message(text)


def url(port, name):
    return f"http://127.0.0.1:{port}/test.v1.Live/{name}"


def client(version):
    return pyqwest.Client(pyqwest.HTTPTransport(http_version=version))


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, STEP_TIMEOUT))


async def wait_for(port, entry):
    """Wait until the server has logged this entry."""
    response = await client(HTTP1).post(url(port, "WaitFor"), headers=PROTO, content=message(entry))
    assert response.status == 200


class Conversation:
    """A bidi stream whose client sends the next request once it has the response to the last.

    The half-close may wait for `end`.
    """

    def __init__(self, *texts, is_kept_open=False):
        self.texts = texts
        self.responded = asyncio.Semaphore(0)
        self.began = asyncio.Event()
        self._ending = asyncio.Event()
        if not is_kept_open:
            self.end()

    def end(self):
        self._ending.set()

    async def requests(self):
        for text in self.texts:
            yield envelope(text)
            await self.responded.acquire()
        self.began.set()
        await self._ending.wait()

    async def hold(self, port, caller, until=None):
        received = b""
        count = 0
        async with caller.stream(
            "POST", url(port, "Converse"), headers=STREAM, content=self.requests()
        ) as response:
            async for chunk in response.content:
                received += bytes(chunk)
                while count < len(self.texts) and envelope(self.texts[count]) in received:
                    count += 1
                    self.responded.release()
                if until is not None and until in received:
                    break
        return received


@every_version
def test_full_duplex(port_of, name, version):
    received = run(Conversation("a", "b", "c").hold(port_of(name), client(version)))
    assert received == envelope("a") + envelope("b") + envelope("c") + END


@every_version
def test_a_wait_for_a_request_can_be_cut_short(port_of, name, version):
    received = run(Conversation("timed read", "b").hold(port_of(name), client(version)))
    assert received == envelope("timed read") + envelope("b") + END


@every_version
def test_a_stream_that_ends_before_its_requests(port_of, name, version):
    conversation = Conversation("a", "refuse", is_kept_open=True)
    received = run(conversation.hold(port_of(name), client(version), until=b"aborted"))
    assert received.startswith(envelope("a") + b"\2")


@every_version
def test_a_client_that_disconnects_during_a_unary_call(port_of, name, version):
    port = port_of(name)

    async def check():
        call = asyncio.ensure_future(
            client(version).post(url(port, "Hang"), headers=PROTO, content=message(""))
        )
        await wait_for(port, "hang began")
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        await wait_for(port, "Hang ended: canceled")

    run(check())


SPEAKING = [(name, version) for name, version in VERSIONS if name in ("h11", "httptools", "zttp")]


@pytest.mark.parametrize(("name", "version"), [*SPEAKING, ("hypercorn", HTTP1)])
def test_a_call_is_unavailable_when_the_server_stops(serving, tmp_path, name, version):
    log = tmp_path / "stderr"

    async def unary(port):
        caller = client(version)
        call = caller.post(url(port, "Hang"), headers=PROTO, content=message(""))
        return bytes((await call).content)

    async def stream(port):
        conversation = Conversation("hang", is_kept_open=True)
        return await conversation.hold(port, client(version), until=b"unavailable")

    async def check(stack):
        port = stack.enter_context(serving("on_asgi.py", name, stderr))
        calls = [asyncio.ensure_future(unary(port)), asyncio.ensure_future(stream(port))]
        await wait_for(port, "hang began")
        await wait_for(port, "converse hangs")
        await asyncio.to_thread(stack.close)
        for each in await asyncio.gather(*calls):
            assert b'"unavailable"' in each

    with log.open("wb") as stderr, ExitStack() as stack:
        run(check(stack))
    # asyncio logs the cancellation of each connection of Hypercorn, which is not about a call.
    assert "Traceback" not in log.read_text() or name == "hypercorn"
    assert "connectrpc_server/" not in log.read_text()
    assert log.read_text().count("because the server is stopping") == 2


@every_version
def test_a_client_that_disconnects_before_its_half_close(port_of, name, version):
    port = port_of(name)

    async def check():
        conversation = Conversation("hang", is_kept_open=True)
        await conversation.hold(port, client(version), until=envelope("hang"))
        await wait_for(port, "Converse ended: canceled")

    run(check())


async def settle(port, most):
    """Wait until all streams of the server and all tasks but `most` ended; return their number."""
    body = message(str(most))
    response = await client(HTTP1).post(url(port, "Settle"), headers=PROTO, content=body)
    return int(StringValue.FromString(response.content).value)


def kill_streams(port, version, text, count):
    """Open this number of streams in another process, and kill that process."""
    http = "HTTP2" if version == HTTP2 else "HTTP1"
    program = [sys.executable, str(SERVERS / "held_streams.py"), str(port), http, text, str(count)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"open\n"
        finally:
            process.kill()


@every_version
@pytest.mark.parametrize("text", ["hang", "flood", "idle"])
def test_clients_that_are_killed_leave_nothing(port_of, name, version, text):
    """`hang` and `idle` wait in the handler and in the request, `flood` fills all buffers."""
    port, count = port_of(name), 50
    before = run(settle(port, 1000))
    kill_streams(port, version, text, count)
    # Other connections of the server may have a few tasks; each stream would have at least one.
    run(settle(port, before + count // 2))


@every_version
def test_empty_messages(port_of, name, version):
    async def check():
        caller = client(version)
        for _ in range(20):
            response = await caller.post(url(port_of(name), "Echo"), headers=PROTO, content=b"")
            assert (response.status, bytes(response.content)) == (200, b"")

    run(check())


@over_http2
def test_empty_messages_that_end_apart_from_their_headers(port_of, name):
    async def check():
        async with httpx.AsyncClient(http1=False, http2=True) as caller:
            for _ in range(20):
                response = await caller.post(url(port_of(name), "Echo"), headers=dict(PROTO))
                assert (response.status_code, response.content) == (200, b"")

    run(check())


@over_http2
@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("Echo", PROTO, 429),
        ("Nothing", PROTO, 404),
        ("Echo", [("content-type", "text/plain")], 415),
    ],
)
def test_an_early_response_does_not_disturb_other_calls(port_of, name, method, headers, status):
    port = port_of(name)
    conversation = Conversation("a", is_kept_open=True)

    async def check():
        caller = client(HTTP2)  # it uses one connection for all calls
        other = asyncio.ensure_future(conversation.hold(port, caller))
        await conversation.began.wait()
        for _ in range(3):
            response = await caller.post(url(port, method), headers=headers, content=LARGE)
            assert response.status == status
        conversation.end()
        assert await other == envelope("a") + END

    run(check())


@every_server
def test_an_early_response_over_http1(port_of, name):
    async def check():
        async with httpx.AsyncClient(timeout=STEP_TIMEOUT) as caller:
            for _ in range(3):
                response = await caller.post(
                    url(port_of(name), "Echo"), headers=dict(PROTO), content=LARGE
                )
                assert response.status_code == 429

    run(check())


@pytest.mark.parametrize("version", [HTTP1, HTTP2])
def test_pyvoy_does_not_log_a_traceback_at_the_end_of_calls(serving, tmp_path, version):
    async def check(port):
        caller = client(version)
        for _ in range(5):
            assert await Conversation("a").hold(port, caller) == envelope("a") + END
            early = Conversation("a", "refuse", is_kept_open=True)
            await early.hold(port, caller, until=b"aborted")
            await Conversation("a", is_kept_open=True).hold(port, caller, until=envelope("a"))
            response = await caller.post(url(port, "Pause"), headers=PROTO, content=message(""))
            assert response.status == 200
        await wait_for(port, "Converse ended: canceled")

    log = tmp_path / "stderr"
    with log.open("wb") as stderr, serving("on_asgi.py", "pyvoy", stderr) as port:
        run(check(port))
        kill_streams(port, version, "flood", 10)
        run(settle(port, 1000))
    assert "Traceback" not in log.read_text()


MESSAGES = {
    "request_serializer": StringValue.SerializeToString,
    "response_deserializer": StringValue.FromString,
}


@over_http2
def test_grpc(port_of, name):
    with grpc.insecure_channel(f"127.0.0.1:{port_of(name)}") as channel:
        echo = channel.unary_unary("/test.v1.Live/Echo", **MESSAGES)
        response, call = echo.with_call(StringValue(value="a" * 100_000), timeout=STEP_TIMEOUT)
        assert response.value == "a" * 100_000
        assert call.code() is grpc.StatusCode.OK
        with pytest.raises(grpc.RpcError) as failure:
            channel.unary_unary("/test.v1.Live/Nothing", **MESSAGES)(
                StringValue(), timeout=STEP_TIMEOUT
            )
        assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED


@over_http2
def test_full_duplex_grpc(port_of, name):
    responded = threading.Semaphore(0)

    def requests():
        for text in ("a", "b", "refuse"):
            yield StringValue(value=text)
            assert responded.acquire(timeout=STEP_TIMEOUT)

    received = []
    with grpc.insecure_channel(f"127.0.0.1:{port_of(name)}") as channel:
        converse = channel.stream_stream("/test.v1.Live/Converse", **MESSAGES)
        call = converse(requests(), timeout=STEP_TIMEOUT)

        def read():
            for each in call:
                received.append(each.value)
                responded.release()

        with pytest.raises(grpc.RpcError):
            read()
        responded.release()
        assert received == ["a", "b"]
        assert call.code() is grpc.StatusCode.ABORTED
        assert call.details() == "as asked"


@over_http2
def test_a_grpc_client_that_disconnects(port_of, name):
    port = port_of(name)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_stream("/test.v1.Live/Flood", **MESSAGES)(
            StringValue(), timeout=STEP_TIMEOUT
        )
        next(call)
        call.cancel()
        run(wait_for(port, "Flood ended: canceled"))


@pytest.mark.parametrize("name", ["h11", "httptools"])
def test_grpc_is_refused_on_a_server_without_trailers(port_of, name):
    async def call():
        headers = [("content-type", "application/grpc"), ("te", "trailers")]
        return await client(HTTP1).post(url(port_of(name), "Echo"), headers=headers, content=b"")

    response = run(call())
    assert response.headers["grpc-status"] == "12"
    assert "trailers" in response.headers["grpc-message"]
