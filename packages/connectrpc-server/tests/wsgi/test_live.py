"""WSGI applications on real servers: duplex, deadlines, gRPC, disconnects."""

import asyncio
import socket
import struct
import threading

import grpc
import pyqwest
import pytest
from google.protobuf.wrappers_pb2 import StringValue

STEP_TIMEOUT = 60  # seconds; the slowest machine needs less for one step
PROTO = [("content-type", "application/proto")]
STREAM = [("content-type", "application/connect+proto")]
END = b"\x02\x00\x00\x00\x02{}"
HTTP1, HTTP2 = pyqwest.HTTPVersion.HTTP1, pyqwest.HTTPVersion.HTTP2


@pytest.fixture(scope="module")
def gunicorn(serving):
    with serving("on_wsgi.py", "gunicorn") as port:
        yield port


@pytest.fixture(scope="module")
def pyvoy(serving):
    with serving("on_wsgi.py", "pyvoy") as port:
        yield port


def envelope(text):
    data = StringValue(value=text).SerializeToString()
    return struct.pack(">BI", 0, len(data)) + data


def url(port, name):
    return f"http://127.0.0.1:{port}/test.v1.Live/{name}"


def client(version):
    return pyqwest.Client(pyqwest.HTTPTransport(http_version=version))


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, STEP_TIMEOUT))


def happened(port, entry):
    """Return the log of the server once it has this entry."""
    body = StringValue(value=entry).SerializeToString()

    async def call():
        return await client(HTTP1).post(url(port, "WaitFor"), headers=PROTO, content=body)

    return StringValue.FromString(run(call()).content).value.split(", ")


class Conversation:
    """A bidi stream whose client sends the next request once it has the response to the last.

    Then it half-closes, or asks the server to stop without a half-close, or disconnects.
    """

    def __init__(self, texts, *, is_stopped=False, is_disconnected=False):
        self.texts = texts
        self.is_stopped = is_stopped
        self.is_disconnected = is_disconnected
        self.responses = asyncio.Queue()

    async def requests(self):
        for text in self.texts:
            yield envelope(text)
            assert envelope(text) in await self.responses.get()
        if self.is_stopped:
            yield envelope("stop")
        if self.is_stopped or self.is_disconnected:
            await asyncio.Event().wait()

    async def hold(self, port, version):
        received = b""
        async with client(version).stream(
            "POST", url(port, "Converse"), headers=STREAM, content=self.requests()
        ) as response:
            async for chunk in response.content:
                received += bytes(chunk)
                self.responses.put_nowait(bytes(chunk))
                if self.is_disconnected and received.endswith(envelope(self.texts[-1])):
                    break
        return received


@pytest.mark.parametrize("version", [HTTP1, HTTP2])
def test_full_duplex_on_pyvoy(pyvoy, version):
    received = run(Conversation(["a", "b", "c"]).hold(pyvoy, version))
    assert received == envelope("a") + envelope("b") + envelope("c") + END


@pytest.mark.parametrize("version", [HTTP1, HTTP2])
def test_a_response_that_ends_before_its_request_on_pyvoy(pyvoy, version):
    conversation = Conversation(["a"], is_stopped=True)
    assert run(conversation.hold(pyvoy, version)) == envelope("a") + END


def test_a_response_that_ends_before_its_request_on_gunicorn(gunicorn):
    head = b"POST /test.v1.Live/Converse HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999\r\n"
    head += b"content-type: application/connect+proto\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gunicorn), STEP_TIMEOUT) as connection:
        connection.sendall(head + envelope("stop") + envelope("x" * 2000))
        received = b""
        while not received.endswith(b"\r\n0\r\n\r\n"):  # the end of a chunked body
            chunk = connection.recv(65536)
            assert chunk, "the response is not complete"
            received += chunk
    assert END in received


@pytest.mark.parametrize(
    ("name", "content_type", "code"),
    [
        ("Echo", b"application/grpc-web+proto", b"grpc-status: 8"),
        ("Flood", b"application/connect+proto", b"resource_exhausted"),
    ],
)
def test_a_promise_of_4_gib_is_refused_at_once_on_gunicorn(gunicorn, name, content_type, code):
    head = f"POST /test.v1.Live/{name} HTTP/1.1\r\nhost: localhost\r\n".encode()
    head += b"transfer-encoding: chunked\r\ncontent-type: " + content_type + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gunicorn), STEP_TIMEOUT) as connection:
        # gunicorn waits for 1 KiB, even if it is asked for less. After these bytes, none follow.
        connection.sendall(head + b"5dc\r\n\0\xff\xff\xff\xff" + bytes(1495) + b"\r\n")
        received = b""
        while code not in received:
            chunk = connection.recv(65536)
            assert chunk, "the response is not complete"
            received += chunk


def test_half_duplex_on_gunicorn(gunicorn):
    async def requests():
        yield envelope("a")
        yield envelope("b")

    async def call():
        return await client(HTTP1).post(
            url(gunicorn, "Converse"), headers=STREAM, content=requests()
        )

    assert run(call()).content == envelope("a") + envelope("b") + END


MESSAGES = {
    "request_serializer": StringValue.SerializeToString,
    "response_deserializer": StringValue.FromString,
}


@pytest.fixture
def channel(pyvoy):
    with grpc.insecure_channel(f"127.0.0.1:{pyvoy}") as channel:
        yield channel


def test_unary_grpc_on_pyvoy(channel):
    echo = channel.unary_unary("/test.v1.Live/Echo", **MESSAGES)
    response, call = echo.with_call(StringValue(value="a" * 100_000), timeout=STEP_TIMEOUT)
    assert response.value == "a" * 100_000
    assert call.code() is grpc.StatusCode.OK


def test_full_duplex_grpc_on_pyvoy(channel):
    responded = threading.Semaphore(0)

    def requests():
        for text in "abc":
            yield StringValue(value=text)
            assert responded.acquire(timeout=STEP_TIMEOUT)

    call = channel.stream_stream("/test.v1.Live/Converse", **MESSAGES)(
        requests(), timeout=STEP_TIMEOUT
    )
    received = []
    for message in call:
        received.append(message.value)
        responded.release()
    assert received == ["a", "b", "c"]
    assert call.code() is grpc.StatusCode.OK


def test_a_grpc_deadline_ends_a_stream_on_pyvoy(channel, pyvoy):
    call = channel.unary_stream("/test.v1.Live/Flood", **MESSAGES)(StringValue(), timeout=0.3)
    with pytest.raises(grpc.RpcError):
        list(call)
    assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "flood closed" in happened(pyvoy, "Flood ended: deadline_exceeded")


def test_grpc_on_gunicorn_is_refused_with_the_reason(gunicorn):
    async def call():
        return await client(HTTP1).post(
            url(gunicorn, "Echo"), headers=[("content-type", "application/grpc")], content=b""
        )

    response = run(call())
    assert response.headers["grpc-status"] == "12"
    assert "trailers" in response.headers["grpc-message"]


def test_a_client_that_disconnects_during_a_bidi_stream_on_pyvoy(pyvoy):
    run(Conversation(["a"], is_disconnected=True).hold(pyvoy, HTTP2))
    assert "converse closed" in happened(pyvoy, "Converse ended: canceled")


def test_a_client_that_disconnects_during_a_server_stream_on_gunicorn(gunicorn):
    async def call():
        async with client(HTTP1).stream(
            "POST", url(gunicorn, "Flood"), headers=STREAM, content=envelope("")
        ) as response:
            async for _ in response.content:
                break

    run(call())
    assert "flood closed" in happened(gunicorn, "Flood ended: canceled")


def exchange(port, name, headers, body):
    """Return the response to a request with a deadline, whose client sends only this."""
    lines = [f"POST /test.v1.Live/{name} HTTP/1.1", "host: localhost", "connect-timeout-ms: 300"]
    lines += [f"{name}: {value}" for name, value in headers]
    with socket.create_connection(("127.0.0.1", port), STEP_TIMEOUT) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        received = b""
        while b"deadline_exceeded" not in received and (chunk := connection.recv(65536)):
            received += chunk
    return received


@pytest.mark.parametrize("body", [b"", b"x" * 99])
def test_the_deadline_ends_a_unary_call_of_a_silent_client_on_gunicorn(gunicorn, body):
    response = exchange(gunicorn, "Echo", [*PROTO, ("content-length", "100")], body)
    assert response.startswith(b"HTTP/1.1 504")
    assert b"deadline_exceeded" in response


@pytest.mark.parametrize("body", [b"", envelope("a"), envelope("a")[:3]])
def test_the_deadline_ends_a_stream_of_a_silent_client_on_gunicorn(gunicorn, body):
    response = exchange(gunicorn, "Converse", [*STREAM, ("content-length", "100")], body)
    assert response.startswith(b"HTTP/1.1 200")
    assert b"deadline_exceeded" in response
