"""How much of a request body a WSGI application reads, and when."""

import base64
import io

import pytest

from connectrpc_protocol import Code, ConnectError
from connectrpc_server._errors import ClientDisconnected
from connectrpc_server._wsgi.request import WsgiRequest

SERVICE = "test.v1.Echo"
LIMIT = 1000
TOO_MUCH = 9 * 1024 * 1024


def request_of(environ, deadline=None):
    return WsgiRequest(environ, lambda status, headers: None, deadline)


def response(app, name, content_type, body, *, length=None):
    """Return the response, and how much of the body is unread before and after its last chunk."""
    stream = io.BytesIO(body)
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/{SERVICE}/{name}",
        "CONTENT_TYPE": content_type,
        "wsgi.input": stream,
        "wsgi.input_terminated": True,
    }
    if length is not None:
        environ["CONTENT_LENGTH"] = length
    chunks = iter(app(environ, lambda status, headers: None))
    data = next(chunks)
    before = len(body) - stream.tell()
    data += b"".join(chunks)
    return data, before, len(body) - stream.tell()


@pytest.mark.parametrize("length", [str(200_000), None])
def test_a_request_beyond_the_limit_is_drained_after_the_response(
    wsgi_application, make_host, length
):
    app = wsgi_application(make_host("wsgi").service, read_max_bytes=LIMIT)
    data, before, after = response(app, "Unary", "application/proto", bytes(200_000), length=length)
    assert b"resource_exhausted" in data
    assert before > 0
    assert after == 0


def test_a_stream_that_fails_early_is_drained_after_the_response(wsgi_application, make_host):
    host = make_host("wsgi")
    app = wsgi_application(host.service)
    body = host.envelope("crash") + host.envelope("x" * 200_000)
    data, before, after = response(app, "Bidi", "application/connect+proto", body)
    assert b"internal error" in data
    assert before > 0
    assert after == 0


def test_a_refused_request_is_drained_after_the_response(wsgi_application, make_host):
    app = wsgi_application(make_host("wsgi").service)
    data, before, after = response(app, "Unary", "text/html", bytes(200_000))
    assert data == b"unsupported media type\n"
    assert (before, after) == (200_000, 0)


def test_a_drain_ends_after_its_limit_of_bytes(wsgi_application, make_host):
    app = wsgi_application(make_host("wsgi").service)
    body = bytes(TOO_MUCH)
    assert response(app, "Unary", "text/html", body, length=str(TOO_MUCH))[2] == TOO_MUCH
    assert 0 < response(app, "Unary", "text/html", body)[2] < TOO_MUCH


def test_a_request_of_a_malformed_length_is_not_read(wsgi_application, make_host):
    app = wsgi_application(make_host("wsgi").service)
    data, _, after = response(app, "Unary", "application/proto", b"body", length="many")
    assert b"invalid content-length" in data
    assert after == len(b"body")


@pytest.mark.parametrize(
    "extra", [{"SERVER_PROTOCOL": "HTTP/2"}, {"wsgi.ext.http.send_trailers": print}]
)
def test_a_request_is_not_drained_if_the_server_does_not_need_it(extra):
    stream = io.BytesIO(bytes(100))
    body = request_of({"wsgi.input": stream, "CONTENT_LENGTH": "100", **extra})
    assert body.is_drained
    body.drain()
    assert stream.tell() == 0


FAILING = [
    ("Unary", "application/proto"),
    ("Unary", "text/html"),
    ("Client", "application/connect+proto"),
    ("Server", "application/connect+proto"),
    ("Bidi", "application/connect+proto"),
    ("Bidi", "application/grpc-web+proto"),
]


@pytest.mark.parametrize(("name", "content_type"), FAILING)
def test_pyvoy_ends_an_error_with_its_last_byte(wsgi_application, make_host, name, content_type):
    """The response is a list of one chunk, so pyvoy knows its end.

    The rest of a refused request is not read, since it may never arrive.
    """

    class Silent:
        def read(self, size):
            if self.prefix:
                prefix, self.prefix = self.prefix[:size], self.prefix[size:]
                return prefix
            raise AssertionError("must not be read")

        prefix = b"\0" + (200_000).to_bytes(4, "big")

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/{SERVICE}/{name}",
        "SERVER_PROTOCOL": "HTTP/3",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": "200005",
        "wsgi.input": Silent(),
        "wsgi.ext.http.send_trailers": print,
    }
    app = wsgi_application(make_host("wsgi").service, read_max_bytes=LIMIT)
    (data,) = response = app(environ, lambda status, headers: None)
    assert data
    assert len(response) == 1


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the test moves."""

    class Clock:
        seconds = 1000.0

    monkeypatch.setattr("connectrpc_protocol.deadline.time.monotonic", lambda: Clock.seconds)
    return Clock


class SlowInput:
    """A body that arrives at `speed` bytes per second. A read waits for all of its bytes."""

    def __init__(self, clock, speed):
        self.clock = clock
        self.speed = speed
        self.size = 0

    def read(self, size):
        self.clock.seconds += size / self.speed
        self.size += size
        return bytes(size)


@pytest.mark.parametrize("speed", [0.5, 2000])
def test_a_slow_client_is_noticed_soon_after_the_deadline(clock, speed):
    body = request_of(
        {"wsgi.input": SlowInput(clock, speed), "CONTENT_LENGTH": "1000000"},
        deadline=clock.seconds + 10,
    )
    with pytest.raises(ConnectError) as caught:
        b"".join(iter(body.read, b""))
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert clock.seconds < 1000 + 2 * 10 + 1


@pytest.mark.parametrize("speed", [0.5, 2000])
def test_the_drain_does_not_wait_for_a_slow_client(clock, speed):
    stream = SlowInput(clock, speed=1e9)
    body = request_of({"wsgi.input": stream, "CONTENT_LENGTH": "1000000"}, clock.seconds + 60)
    while stream.size < 200_000:
        body.read()
    stream.speed, stream.size = speed, 0
    body.drain()
    assert 0 < stream.size < 20_000
    assert clock.seconds < 1010


def test_without_a_deadline_reads_are_large(clock):
    stream = SlowInput(clock, speed=1)
    assert len(request_of({"wsgi.input": stream, "CONTENT_LENGTH": "1000000"}).read()) == 64 * 1024


class Failing:
    """The input and the socket of a server in one object. Every read raises `error`."""

    def __init__(self, error, clock=None):
        self.error = error
        self.clock = clock
        self.timeouts = []
        self.reads = 0

    def read(self, size):
        self.reads += 1
        if self.clock is not None:
            self.clock.seconds += self.timeouts[-1]
        raise self.error

    def gettimeout(self):
        return None

    def settimeout(self, seconds):
        self.timeouts.append(seconds)


@pytest.mark.parametrize("key", ["gunicorn.socket", "werkzeug.socket"])
def test_the_socket_of_a_server_keeps_the_deadline(clock, key):
    server = Failing(TimeoutError(), clock)
    environ = {"wsgi.input": server, "CONTENT_LENGTH": "9", key: server}
    body = request_of(environ, deadline=clock.seconds + 5)
    with pytest.raises(ConnectError) as caught:
        body.read()
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert server.timeouts == [5, None]
    body.drain()
    assert server.reads == 1


class Stalled:
    """A client that has sent `data` and sends nothing more. A read beyond that would block."""

    def __init__(self, data):
        self.data = data
        self.largest = 0

    def read(self, size):
        assert size <= len(self.data), "the thread is blocked"
        self.largest = max(self.largest, size)
        chunk, self.data = self.data[:size], self.data[size:]
        return chunk


ENVELOPES = [
    *((name, "application/grpc+proto") for name in ("Unary", "Client", "Server", "Bidi")),
    *((name, "application/grpc-web+proto") for name in ("Unary", "Client", "Server", "Bidi")),
    *((name, "application/grpc-web-text+proto") for name in ("Unary", "Client", "Server", "Bidi")),
    *((name, "application/connect+proto") for name in ("Client", "Server", "Bidi")),
]


def stalled_call(app, name, content_type, body, **environ):
    """Return the body and the trailers of the response to a client that stalls after `body`."""
    trailers = []
    if "text" in content_type:
        body = base64.b64encode(body)
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/{SERVICE}/{name}",
        "CONTENT_TYPE": content_type,
        "wsgi.input": Stalled(body),
        "wsgi.input_terminated": True,
        **environ,
    }
    if content_type.startswith("application/grpc+"):
        environ["wsgi.ext.http.send_trailers"] = trailers.extend
    data = b"".join(app(environ, lambda status, headers: None))
    return base64.b64decode(data) if "text" in content_type else data, dict(trailers)


@pytest.mark.parametrize(("name", "content_type"), ENVELOPES)
@pytest.mark.parametrize(
    "timeout", [{}, {"HTTP_GRPC_TIMEOUT": "60S", "HTTP_CONNECT_TIMEOUT_MS": "60000"}]
)
def test_an_envelope_that_promises_too_much_is_refused_at_its_prefix(
    wsgi_application, make_host, name, content_type, timeout
):
    app = wsgi_application(make_host("wsgi").service)
    data, trailers = stalled_call(app, name, content_type, b"\0\xff\xff\xff\xff", **timeout)
    code = b'"resource_exhausted"' if "connect" in content_type else b"grpc-status: 8"
    assert code in data or trailers["grpc-status"] == "8"


@pytest.mark.parametrize(("name", "content_type"), ENVELOPES)
def test_a_large_message_is_read_in_pieces(wsgi_application, make_host, name, content_type):
    host = make_host("wsgi")
    body = host.envelope("x" * 300_000)
    size = len(base64.b64encode(body) if "text" in content_type else body)
    data, trailers = stalled_call(
        wsgi_application(host.service), name, content_type, body, CONTENT_LENGTH=str(size)
    )
    assert b"x" * 300_000 in data
    assert trailers.get("grpc-status", "0") == "0"


@pytest.mark.parametrize("content_type", ["application/grpc+proto", "application/grpc-web+proto"])
def test_a_second_message_of_a_unary_call_is_not_read_to_its_end(
    wsgi_application, make_host, content_type
):
    host = make_host("wsgi")
    body = host.envelope("a") * 2
    data, trailers = stalled_call(wsgi_application(host.service), "Unary", content_type, body)
    assert b"grpc-status: 12" in data or trailers["grpc-status"] == "12"


class NoMoreData(Exception):
    """An exception that only one server has."""


@pytest.mark.parametrize("error", [NoMoreData(), ValueError(), OSError(), TimeoutError()])
def test_a_body_that_cannot_be_read_is_the_fault_of_the_client(error):
    with pytest.raises(ConnectError, match="the request body ended early") as caught:
        request_of({"wsgi.input": Failing(error), "CONTENT_LENGTH": "9"}).read()
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("error", [ConnectionResetError(), RuntimeError("closed channel")])
def test_a_disconnect_is_not_a_malformed_request(error):
    with pytest.raises(ClientDisconnected):
        request_of({"wsgi.input": Failing(error), "CONTENT_LENGTH": "9"}).read()


def test_a_body_that_ends_early_is_an_error():
    body = request_of({"wsgi.input": io.BytesIO(b"abc"), "CONTENT_LENGTH": "9"})
    assert body.read() == b"abc"
    with pytest.raises(ConnectError, match="the request body ended early"):
        body.read()


@pytest.mark.parametrize("name", ["Unary", "Client"])
def test_a_body_without_a_known_end_is_not_taken_for_an_empty_body(
    wsgi_application, make_host, name
):
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/{SERVICE}/{name}",
        "CONTENT_TYPE": "application/proto" if name == "Unary" else "application/connect+proto",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": io.BytesIO(b"3\r\nabc\r\n0\r\n\r\n"),
    }
    app = wsgi_application(make_host("wsgi").service)
    data = b"".join(app(environ, lambda status, headers: None))
    assert b'"unimplemented"' in data
    assert b"content-length" in data


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({}, b""),
        ({"wsgi.input_terminated": True}, b"abc"),
        ({"wsgi.ext.http.send_trailers": print}, b"abc"),
    ],
)
def test_a_body_of_unknown_length_is_read_if_the_server_marks_its_end(extra, expected):
    assert request_of({"wsgi.input": io.BytesIO(b"abc"), **extra}).read() == expected
