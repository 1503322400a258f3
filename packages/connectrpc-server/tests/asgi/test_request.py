"""How much of a request an ASGI application reads, and when."""

import asyncio
import struct

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_server import Code, ConnectError, combine
from connectrpc_server._asgi import request as request_module
from connectrpc_server._asgi import stepping

PROTO = (b"content-type", b"application/proto")
STREAM = (b"content-type", b"application/connect+proto")
HTTP1 = {"http_version": "1.1"}
HTTP2 = {"http_version": "2"}
HYPERCORN = {"http_version": "2", "asgi": {"version": "3.0", "spec_version": "2.1"}}


def envelope(text):
    data = StringValue(value=text).SerializeToString()
    return struct.pack(">BI", 0, len(data)) + data


MESSAGE = StringValue(value="a").SerializeToString()


class Connection:
    """A server and a client in one, which log the events of the application."""

    def __init__(self, *chunks, is_complete=False):
        self.events = asyncio.Queue()
        self.log = []
        self.responded = asyncio.Event()
        for index, chunk in enumerate(chunks):
            self.request(chunk, more_body=not is_complete or index + 1 < len(chunks))

    def request(self, body, *, more_body=True):
        self.events.put_nowait({"type": "http.request", "body": body, "more_body": more_body})

    def disconnect(self):
        self.events.put_nowait({"type": "http.disconnect"})

    async def receive(self):
        event = await self.events.get()
        self.log.append("disconnect" if event["type"] == "http.disconnect" else "request")
        return event

    async def send(self, event):
        if event["type"] == "http.response.start":
            self.status = event["status"]
            self.log.append("start")
        elif event["type"] == "http.response.body":
            self.body += event["body"]
            self.log.append("data" if event.get("more_body") else "end")
            self.responded.set()

    body = b""
    status = None

    async def call(self, app, name, *headers, method="POST", path=None, **scope):
        """Call the application to its end, and check that all of its tasks have ended."""
        before = asyncio.all_tasks()
        await app(
            {
                "type": "http",
                "method": method,
                "path": path or f"/test.v1.Echo/{name}",
                "query_string": b"",
                "headers": headers,
                **scope,
            },
            self.receive,
            self.send,
        )
        await asyncio.sleep(0)
        assert asyncio.all_tasks() <= before

    def start(self, *args, **kwargs):
        return asyncio.create_task(self.call(*args, **kwargs))

    @property
    def steps(self):
        """The log without the head and the messages of the response."""
        return [each for each in self.log if each not in ("start", "data")]

    @property
    def taken(self):
        return self.log.count("request")


def run(coroutine):
    asyncio.run(asyncio.wait_for(coroutine, 30))


class Service:
    """Client streams and bidi streams run a function of the test; all other handlers fail."""

    def __init__(self, bidi=None):
        self.began = asyncio.Event()
        self.ended = []
        self._bidi = bidi

    async def wait(self):
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise

    async def unary(self, request, ctx):
        raise ConnectError(Code.ABORTED, "no")

    async def client(self, requests, ctx):
        await self._bidi(self, requests)

    async def server(self, request, ctx):
        raise ConnectError(Code.ABORTED, "no")
        yield

    async def bidi(self, requests, ctx):
        yield await self._bidi(self, requests) or StringValue()


async def wait_only(service, requests):
    await service.wait()


async def read_one(service, requests):
    await anext(requests)
    await service.wait()


async def read_in_a_task(service, requests):
    reader = asyncio.create_task(anext(requests))
    try:
        await service.wait()
    finally:
        with pytest.raises((ConnectError, asyncio.CancelledError)):
            await reader


@pytest.mark.parametrize("name", ["Client", "Bidi"])
@pytest.mark.parametrize("handler", [wait_only, read_one])
@pytest.mark.parametrize("unread", [0, 3])
def test_a_disconnect_is_noticed_while_the_handler_does_not_read(
    asgi_application, name, handler, unread
):
    async def check():
        service = Service(handler)
        connection = Connection(*[envelope("a")] * (unread + (handler is read_one)))
        task = connection.start(asgi_application(service), name, STREAM)
        await service.began.wait()
        connection.disconnect()
        await task
        assert service.ended == ["cancelled"]

    run(check())


def test_a_disconnect_reaches_a_task_of_the_handler_that_reads(asgi_application):
    async def check():
        service = Service(read_in_a_task)
        connection = Connection()
        task = connection.start(asgi_application(service), "Bidi", STREAM)
        await service.began.wait()
        connection.disconnect()
        await task
        assert service.ended == ["cancelled"]

    run(check())


def test_the_limits_of_reading_ahead(asgi_application):
    async def count(service, requests):
        await service.wait_until_idle()
        service.taken = service.connection.taken
        texts = [request.value async for request in requests]
        return StringValue(value=",".join(texts))

    async def check(size, most):
        service = Service(count)
        texts = [f"{index:03}" + "x" * size for index in range(100)]
        connection = service.connection = Connection(*map(envelope, texts), is_complete=True)

        async def wait_until_idle():
            taken = -1
            while connection.taken != taken:
                taken = connection.taken
                for _ in range(10):
                    await asyncio.sleep(0)

        service.wait_until_idle = wait_until_idle
        await connection.call(asgi_application(service), "Bidi", STREAM)
        assert 0 < service.taken <= most
        assert b",".join(text.encode() for text in texts) in connection.body

    run(check(0, 16))
    run(check(30_000, 3))


def test_two_tasks_must_not_read_at_once(asgi_application, caplog):
    async def twice(service, requests):
        readers = [asyncio.create_task(anext(requests)) for _ in range(2)]
        done, pending = await asyncio.wait(readers, return_when=asyncio.FIRST_EXCEPTION)
        for each in pending:
            each.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        done.pop().result()

    async def check():
        connection = Connection()
        task = connection.start(asgi_application(Service(twice)), "Bidi", STREAM)
        await connection.responded.wait()
        connection.disconnect()
        await task

    run(check())
    assert "two tasks read the requests of one call" in caplog.text


def test_an_exception_of_receive_ends_the_call(asgi_application, caplog):
    class Broken(Connection):
        async def receive(self):
            raise RuntimeError("secret-db-password")

    async def check():
        service = Service(wait_only)
        connection = Broken()
        await connection.call(asgi_application(service), "Bidi", STREAM, **HTTP2)
        assert service.ended == ["cancelled"]
        assert b'"internal error"' in connection.body

    run(check())
    assert "secret-db-password" in caplog.text


class Guard:
    async def on_start(self, ctx):
        raise ConnectError(Code.UNAUTHENTICATED, "who are you?")

    async def on_end(self, token, ctx, error):
        pass


async def stop(service, requests):
    pass


REFUSED = {
    "unknown method": ("Nothing", PROTO, {}),
    "content type": ("Unary", (b"content-type", b"text/plain"), {}),
    "content type of a stream": ("Bidi", PROTO, {}),
    "too large": ("Unary", PROTO, {"read_max_bytes": 1}),
    "interceptor": ("Unary", PROTO, {"interceptors": [Guard()]}),
    "interceptor of a stream": ("Bidi", STREAM, {"interceptors": [Guard()]}),
    "stream that ends early": ("Bidi", STREAM, {}),
}
refused = pytest.mark.parametrize(("name", "header", "options"), REFUSED.values(), ids=REFUSED)


@refused
@pytest.mark.parametrize("scope", [{}, HTTP1, {"http_version": "1.0"}, HYPERCORN])
def test_the_request_is_read_before_the_response_ends(
    asgi_application, name, header, options, scope
):
    async def check():
        connection = Connection(*[b"\0\0"] * 5, is_complete=True)
        app = asgi_application(Service(stop), **options)
        await connection.call(app, name, header, **scope)
        assert connection.taken == 5
        assert connection.steps == ["request"] * 5 + ["end"]

    run(check())


@refused
def test_a_request_over_http2_is_not_drained(asgi_application, name, header, options):
    async def check():
        connection = Connection(*[b"\0\0"] * 5, is_complete=True)
        app = asgi_application(Service(stop), **options)
        await connection.call(app, name, header, **HTTP2)
        assert connection.taken < 5
        assert connection.log[-1] == "end"

    run(check())


@refused
def test_a_request_of_a_known_length_is_drained_over_http2(asgi_application, name, header, options):
    async def check():
        connection = Connection(*[b"\0\0"] * 5, is_complete=True)
        app = asgi_application(Service(stop), **options)
        await connection.call(app, name, header, (b"content-length", b"10"), **HTTP2)
        assert connection.steps == ["request"] * 5 + ["end"]

    run(check())


def test_a_request_for_an_unknown_path_is_drained(asgi_application):
    async def check():
        connection = Connection(*[b"a"] * 5, is_complete=True)
        app = combine(asgi_application(Service()))
        await connection.call(app, "", path="/elsewhere", **HTTP1)
        assert (connection.status, connection.taken) == (404, 5)

    run(check())


@refused
def test_a_drain_ends_if_the_client_never_ends_its_request(
    asgi_application, monkeypatch, name, header, options
):
    monkeypatch.setattr(request_module, "DRAIN_MAX_SECONDS", 0.05)

    async def check():
        connection = Connection(b"\0\0", b"\0\0")
        app = asgi_application(Service(stop), **options)
        await connection.call(app, name, header, **HTTP1)
        assert connection.log[-1] == "end"

    run(check())


@refused
def test_a_drain_ends_when_the_client_disconnects(asgi_application, name, header, options):
    async def check():
        connection = Connection(b"\0\0", b"\0\0")
        connection.disconnect()
        app = asgi_application(Service(stop), **options)
        await connection.call(app, name, header, **HTTP1)
        assert connection.steps == ["request", "request", "disconnect", "end"]

    run(check())


def test_a_drain_ends_after_its_limit_of_bytes(asgi_application):
    class Endless(Connection):
        async def receive(self):
            self.log.append("request")
            return {"type": "http.request", "body": b"\0" * 1024 * 1024, "more_body": True}

    async def check():
        connection = Endless()
        await connection.call(asgi_application(Service()), "Nothing", PROTO, **HTTP1)
        assert connection.log[-1] == "end"
        assert connection.taken == 9

    run(check())


class Silent(Connection):
    """HTTP/2 of uvicorn: if a request ended with its headers, no event follows."""

    async def receive(self):
        await asyncio.Event().wait()


EMPTY = (b"content-length", b"0")


def test_an_empty_body_that_the_server_does_not_deliver_is_read(make_host, asgi_application):
    async def check():
        app = asgi_application(make_host("asgi").service)
        connection = Silent()
        await connection.call(app, "Unary", PROTO, EMPTY, **HTTP2)
        assert connection.status == 200
        connection = Silent()
        await connection.call(app, "Client", STREAM, EMPTY, **HTTP2)
        assert connection.status == 200

    run(check())


@pytest.mark.parametrize("name", ["Unary", "Client"])
def test_a_disconnect_is_noticed_after_a_request_without_a_body(asgi_application, name):
    class Waiting(Service):
        async def unary(self, request, ctx):
            await self.wait()

    async def check():
        service = Waiting(wait_only)
        connection = Connection()
        header = PROTO if name == "Unary" else STREAM
        task = connection.start(asgi_application(service), name, header, EMPTY, **HTTP2)
        await service.began.wait()
        connection.disconnect()
        await task
        assert service.ended == ["cancelled"]

    run(check())


def test_the_end_of_an_empty_request_is_received_on_hypercorn(make_host, asgi_application):
    async def check():
        connection = Connection(b"", b"", is_complete=True)
        app = asgi_application(make_host("asgi").service)
        await connection.call(app, "Unary", PROTO, EMPTY, **HYPERCORN)
        assert connection.status == 200
        assert connection.taken == 2

    run(check())


@pytest.mark.parametrize("options", [{}, {"default_timeout_ms": 60_000}])
@pytest.mark.parametrize(("scope", "taken"), [(HYPERCORN, 1), (HTTP1, 0), (HTTP2, 0)])
def test_the_end_of_a_get_is_received_on_hypercorn(
    make_host, asgi_application, options, scope, taken
):
    async def check():
        connection = Connection(b"", is_complete=True)
        app = asgi_application(make_host("asgi").service, **options)
        query = {"query_string": b"connect=v1&encoding=json&message=%22hi%22"}
        await connection.call(app, "Unary", method="GET", **query, **scope)
        assert (connection.status, connection.body) == (200, b'"hi"')
        assert connection.taken == taken
        assert connection.log[-1] == "end"

    run(check())


class Recorder:
    """A metadata interceptor that records the errors of calls."""

    def __init__(self):
        self.errors = []

    async def on_start(self, ctx):
        pass

    async def on_end(self, token, ctx, error):
        self.errors.append(error.code)


class Slow(Guard):
    async def on_start(self, ctx):
        await asyncio.Event().wait()


@pytest.mark.parametrize(("name", "header"), [("Unary", PROTO), ("Bidi", STREAM)])
def test_the_deadline_holds_for_interceptors(asgi_application, name, header):
    async def check():
        recorder = Recorder()
        app = asgi_application(
            Service(stop), interceptors=[recorder, Slow()], default_timeout_ms=20
        )
        connection = Connection(b"", is_complete=True)
        await connection.call(app, name, header, **HTTP2)
        assert b'"deadline_exceeded"' in connection.body
        assert recorder.errors == [Code.DEADLINE_EXCEEDED]

    run(check())


STALLING = [
    ("Unary", b"application/proto", HTTP1),
    ("Unary", b"application/grpc-web+proto", HTTP1),
    *((name, b"application/connect+proto", HTTP1) for name in ("Client", "Server", "Bidi")),
    ("Bidi", b"application/grpc-web-text+proto", HTTP1),
    *(
        (name, b"application/grpc", {**HYPERCORN, "extensions": {"http.response.trailers": {}}})
        for name in ("Unary", "Client", "Server", "Bidi")
    ),
]


@pytest.mark.parametrize(("name", "content_type", "scope"), STALLING)
@pytest.mark.parametrize("body", [b"", b"\0\0\0\0\x05a"])
def test_a_request_that_stalls_does_not_delay_the_response_after_the_deadline(
    asgi_application, monkeypatch, name, content_type, scope, body
):
    monkeypatch.setattr(request_module, "DRAIN_MAX_SECONDS", 3600)
    monkeypatch.setattr(request_module.server_quirks, "drain_pause", lambda scope, pause: 3600)

    async def check():
        app = asgi_application(Service(read_one), default_timeout_ms=20)
        connection = Connection(body)
        await connection.call(app, name, (b"content-type", content_type), **scope)
        assert connection.log[-1] == "end"

    run(check())


@pytest.mark.parametrize(("name", "header"), [("Unary", PROTO), ("Bidi", STREAM)])
def test_a_drain_ends_at_the_deadline(asgi_application, monkeypatch, name, header):
    monkeypatch.setattr(request_module, "DRAIN_MAX_SECONDS", 3600)
    monkeypatch.setattr(request_module.server_quirks, "drain_pause", lambda scope, pause: 3600)

    async def check():
        app = asgi_application(Service(stop), default_timeout_ms=200, interceptors=[Guard()])
        connection = Connection(b"\0\0")
        await connection.call(app, name, header, **HTTP1)
        assert b'"unauthenticated"' in connection.body

    run(check())


@pytest.mark.parametrize("name", ["Unary", "Bidi"])
def test_the_drain_of_a_call_that_needs_trailers_ends_at_the_deadline(
    asgi_application, monkeypatch, name
):
    monkeypatch.setattr(request_module, "DRAIN_MAX_SECONDS", 3600)
    monkeypatch.setattr(request_module.server_quirks, "drain_pause", lambda scope, pause: 3600)

    async def check():
        app = asgi_application(Service(stop), default_timeout_ms=20)
        connection = Connection(b"\0\0")
        await connection.call(app, name, (b"content-type", b"application/grpc"), **HTTP1)
        assert connection.log[-1] == "end"

    run(check())


class Stalled(Connection):
    """A client that stops reading, on a server whose `send` waits for the client."""

    def __init__(self, *chunks, after):
        super().__init__(*chunks, is_complete=True)
        self.after = after

    async def send(self, event):
        await super().send(event)
        if len(self.log) - self.taken > self.after:
            await asyncio.Event().wait()


class Vanishing(Connection):
    """A client that disconnects. After that, `send` never returns.

    `after` is the number of events before it disconnects while the server sends, or `None` if it
    disconnects before.
    """

    def __init__(self, body, *, after):
        super().__init__(body, is_complete=True)
        self.after = after
        self.count = 0
        self.sends = asyncio.Event()

    async def send(self, event):
        await super().send(event)
        self.count += 1
        if self.after is None or self.count > self.after:
            self.sends.set()
            await asyncio.Event().wait()


class Responsive(Service):
    """Handlers that wait, or respond if the request says so."""

    async def unary(self, request, ctx):
        return await self.respond(request)

    async def client(self, requests, ctx):
        request = await anext(requests)
        return await self.respond(request)

    async def server(self, request, ctx):
        yield request
        yield await self.respond(request)

    async def bidi(self, requests, ctx):
        async for request in requests:
            yield request
            yield await self.respond(request)

    async def respond(self, request):
        if request.value == "wait":
            await self.wait()
        return request


VANISHING = [
    ("Unary", b"application/proto", lambda text: StringValue(value=text).SerializeToString()),
    ("Unary", b"application/grpc", envelope),
    *((name, b"application/connect+proto", envelope) for name in ("Client", "Server", "Bidi")),
    *((name, b"application/grpc", envelope) for name in ("Client", "Server", "Bidi")),
]
vanishing = pytest.mark.parametrize(("name", "content_type", "body"), VANISHING)
TRAILERS = {**HTTP2, "extensions": {"http.response.trailers": {}}}


@vanishing
@pytest.mark.parametrize("options", [{}, {"default_timeout_ms": 3_600_000}])
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_call_ends_if_the_client_disconnects_while_the_server_sends(
    asgi_application, monkeypatch, name, content_type, body, options, after
):
    monkeypatch.setattr(stepping, "DISCONNECTED_GRACE_PERIOD", 0.02)

    async def check():
        connection = Vanishing(body("a"), after=after)
        app = asgi_application(Responsive(), **options)
        task = connection.start(app, name, (b"content-type", content_type), **TRAILERS)
        sends = asyncio.ensure_future(connection.sends.wait())
        await asyncio.wait([task, sends], return_when=asyncio.FIRST_COMPLETED)
        sends.cancel()
        connection.disconnect()
        await task

    run(check())


@vanishing
@pytest.mark.parametrize("options", [{}, {"default_timeout_ms": 3_600_000}])
@pytest.mark.parametrize("after", [None, 2])
def test_a_call_ends_if_send_never_returns_after_a_disconnect(
    asgi_application, monkeypatch, name, content_type, body, options, after
):
    monkeypatch.setattr(stepping, "DISCONNECTED_GRACE_PERIOD", 0.02)

    async def check():
        connection = Vanishing(body("wait"), after=after)
        app = asgi_application(Responsive(), **options)
        task = connection.start(app, name, (b"content-type", content_type), **TRAILERS)
        for _ in range(100):  # enough for the call to reach its wait
            await asyncio.sleep(0)
        connection.disconnect()
        await task

    run(check())


@pytest.mark.parametrize(
    ("name", "header"),
    [("Nothing", PROTO), ("Unary", (b"content-type", b"text/plain")), ("Bidi", PROTO)],
)
def test_a_refusal_ends_if_the_client_disconnects(asgi_application, monkeypatch, name, header):
    monkeypatch.setattr(stepping, "DISCONNECTED_GRACE_PERIOD", 0.02)

    async def check():
        connection = Vanishing(b"", after=0)
        task = connection.start(asgi_application(Service()), name, header, **HTTP2)
        await connection.sends.wait()
        connection.disconnect()
        await task

    run(check())


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize(
    ("name", "header", "body"),
    [
        ("Unary", PROTO, MESSAGE),
        ("Server", STREAM, envelope("a,b")),
        ("Server", STREAM, envelope("fail:aborted")),
    ],
)
def test_a_call_ends_after_the_grace_period_if_the_client_stops_reading(
    make_host, asgi_application, monkeypatch, name, header, body, after
):
    monkeypatch.setattr(request_module, "WRITE_GRACE_PERIOD", 0.02)

    async def check():
        app = asgi_application(make_host("asgi").service, default_timeout_ms=20)
        await Stalled(body, after=after).call(app, name, header, **HTTP2)

    run(check())


def test_a_call_can_be_cancelled_while_its_end_is_written(make_host, asgi_application):
    async def check():
        app = asgi_application(make_host("asgi").service)
        connection = Stalled(envelope("a"), after=0)
        task = connection.start(app, "Server", STREAM)
        while not connection.log.count("start"):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(check())
