"""Which requests are sent once more after their connection ended, before scripted servers."""

import asyncio
import ssl
import time
from contextlib import closing
from functools import partial

import httpx
import httpx2
import pyqwest
import pytest
import trustme
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import (
    Cancellation,
    Client,
    ClientSync,
    Code,
    ConnectError,
    IdempotencyLevel,
    Method,
    MethodKind,
)
from connectrpc_client._transports.delivery import IDLE_EXPIRY
from connectrpc_client._transports.httpx import HttpxTransport, HttpxTransportSync
from connectrpc_client._transports.interruptible.transport import InterruptibleTransport
from connectrpc_client._transports.pyqwest.async_ import PyqwestTransport
from connectrpc_client._transports.pyqwest.sync import PyqwestTransportSync

from .scripted_servers import (
    CLOSE,
    HANG_UP,
    OK,
    REFUSE,
    SILENT,
    Http1Server,
    Http2Server,
    tls_context,
)

STEP_MS = 60_000  # milliseconds that the slowest machine may take for one call
LIBRARIES = ("httpx", "httpx2", "pyqwest")
NO_ERROR, INTERNAL_ERROR = 0x0, 0x2  # codes of HTTP/2
REFUSALS = [
    REFUSE,
    *((code, distance) for code in (NO_ERROR, INTERNAL_ERROR) for distance in (None, -2)),
]
CALLS = {
    MethodKind.UNARY: "_call_unary",
    MethodKind.CLIENT_STREAM: "_call_client_stream",
    MethodKind.SERVER_STREAM: "_call_server_stream",
    MethodKind.BIDI_STREAM: "_call_bidi_stream",
}

kinds = pytest.mark.parametrize("kind", CALLS, ids=lambda kind: kind.name)


def method(level, kind=MethodKind.UNARY):
    return Method(
        service="test.v1.Echo",
        name="Say",
        kind=kind,
        request=StringValue,
        response=StringValue,
        idempotency=level,
    )


SAFE = method(IdempotencyLevel.NO_SIDE_EFFECTS)
OTHER = method(IdempotencyLevel.UNKNOWN)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(params=LIBRARIES)
def library(request):
    return request.param


@pytest.fixture(params=["async", "sync", "sync with a deadline"])
def caller(request, library, authority):
    return Caller(request.param, library, authority)


class Caller:
    """Makes calls one after another with one client. The outcome of each is "ok" or its error."""

    def __init__(self, side, library, authority):
        self.is_async = side == "async"
        self.library = library
        self._authority = authority
        self.options = {}
        if side == "sync with a deadline":
            self.options["timeout_ms"] = STEP_MS
        if side == "sync with a cancellation":
            self.options["cancellation"] = Cancellation()

    def calls(self, server, *methods, requests=None, transport=None, pause=0, **options):
        """Make a call of each method, with what `requests` returns for a stream of requests.

        There is a pause before each call, in seconds.
        """
        requests = requests or (lambda: [StringValue(value="a")])
        if transport is None:
            transport = self._http_client(http2=isinstance(server, Http2Server))
        options["http_client"] = transport
        if self.is_async:
            return asyncio.run(self._calls_async(server.url, methods, requests, pause, options))
        with ClientSync(server.url, **options) as client:
            try:
                return [self._call(client, each, requests, pause) for each in methods]
            finally:
                if hasattr(transport, "close"):
                    transport.close()

    def _call(self, client, method, requests, pause):
        time.sleep(pause)
        argument = StringValue(value="a") if method.kind.one_request else requests()
        try:
            output = getattr(client, CALLS[method.kind])(method, argument, **self.options)
            if method.kind.one_response:
                return output.message.value
            with output:
                return "".join(message.value for message in output)
        except ConnectError as error:
            return error

    async def _calls_async(self, url, methods, requests, pause, options):
        async with asyncio.timeout(STEP_MS / 1000), Client(url, **options) as client:
            try:
                return [await self._call_async(client, each, requests, pause) for each in methods]
            finally:
                if hasattr(options["http_client"], "aclose"):
                    await options["http_client"].aclose()

    async def _call_async(self, client, method, requests, pause):
        await asyncio.sleep(pause)
        argument = StringValue(value="a") if method.kind.one_request else requests()
        try:
            output = await getattr(client, CALLS[method.kind])(method, argument, **self.options)
            if method.kind.one_response:
                return output.message.value
            async with output:
                return "".join([message.value async for message in output])
        except ConnectError as error:
            return error

    def _http_client(self, *, http2):
        if self.library == "pyqwest":
            version = pyqwest.HTTPVersion.HTTP2 if http2 else pyqwest.HTTPVersion.HTTP1
            options = {"http_version": version, "tls_ca_cert": self._authority.cert_pem.bytes()}
            if self.is_async:
                return pyqwest.Client(pyqwest.HTTPTransport(**options))
            return pyqwest.SyncClient(pyqwest.SyncHTTPTransport(**options))
        module = {"httpx": httpx, "httpx2": httpx2}[self.library]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._authority.configure_trust(context)
        options = {"http1": not http2, "http2": http2, "verify": context}
        return (module.AsyncClient if self.is_async else module.Client)(**options)


class TestConnectionThatEnds:
    """The server closes a reused connection when it has read the second request."""

    @pytest.fixture(params=[Http1Server, Http2Server], ids=["HTTP/1.1", "HTTP/2"])
    def server(self, request):
        with closing(request.param(OK, CLOSE)) as server:
            yield server

    def test_methods_without_side_effects_are_called_again(self, caller, server):
        assert caller.calls(server, SAFE, SAFE) == ["ok", "ok"]
        assert len(server.bodies) == 3

    @kinds
    def test_idempotent_methods_are_called_again(self, caller, server, kind):
        each = method(IdempotencyLevel.IDEMPOTENT, kind)
        assert caller.calls(server, each, each) == ["ok", "ok"]
        assert len(server.bodies) == 3
        assert server.bodies[1] == server.bodies[2]

    @kinds
    def test_other_methods_are_not(self, caller, server, kind):
        each = method(IdempotencyLevel.UNKNOWN, kind)
        first, error = caller.calls(server, each, each)
        assert first == "ok"
        assert error.code is Code.UNAVAILABLE
        assert "the server may have processed the request" in error.message
        assert "test.v1.Echo/Say does not have an idempotency_level" in error.message
        assert len(server.bodies) == 2


@pytest.mark.parametrize("make", [Http1Server, Http2Server], ids=["HTTP/1.1", "HTTP/2"])
def test_a_second_failure_is_an_error(caller, make):
    with closing(make(OK, CLOSE, CLOSE)) as server:
        first, error = caller.calls(server, SAFE, SAFE)
        assert first == "ok"
        assert error.code is Code.UNAVAILABLE
        assert len(server.bodies) == 3


@pytest.mark.parametrize("make", [Http1Server, Http2Server], ids=["HTTP/1.1", "HTTP/2"])
def test_a_new_connection_that_ends(caller, make):
    """This is not a server that closes idle connections."""
    with closing(make(CLOSE)) as server:
        (error,) = caller.calls(server, SAFE)
        assert error.code is Code.UNAVAILABLE
        assert len(server.bodies) == 1


class TestFailedConnection:
    """The server closes a connection before TLS has begun, so it cannot have the request."""

    @kinds
    def test_any_method_is_called_again(self, caller, authority, kind):
        each = method(IdempotencyLevel.UNKNOWN, kind)
        with closing(Http1Server(HANG_UP, tls=tls_context(authority))) as server:
            assert caller.calls(server, each) == ["ok"]
            assert server.connections == 2

    def test_a_second_failure_is_an_error(self, caller, authority):
        with closing(Http1Server(HANG_UP, HANG_UP, tls=tls_context(authority))) as server:
            (error,) = caller.calls(server, OTHER)
            assert error.code is Code.UNAVAILABLE
            assert server.connections == 2

    def test_no_request_was_taken_from_the_iterator(self, caller, authority):
        each = method(IdempotencyLevel.UNKNOWN, MethodKind.CLIENT_STREAM)
        with closing(Http1Server(HANG_UP, tls=tls_context(authority))) as server:
            assert caller.calls(server, each, requests=generated) == ["ok"]
            assert server.connections == 2
            assert server.bodies[0].count(b"b") == 1


class TestRefusedRequests:
    """The server says that it has not processed the request (RFC 9113, section 8.7)."""

    @pytest.mark.parametrize("action", REFUSALS, ids=str)
    def test_any_method_is_called_again(self, caller, action):
        for kind in CALLS:
            each = method(IdempotencyLevel.UNKNOWN, kind)
            with closing(Http2Server(OK, action)) as server:
                assert caller.calls(server, each, each) == ["ok", "ok"]
                assert len(server.bodies) == 3

    def test_a_second_failure_is_an_error(self, caller, library):
        with closing(Http2Server(OK, *[REFUSE] * 9)) as server:
            first, error = caller.calls(server, OTHER, OTHER)
            assert first == "ok"
            assert error.code is Code.UNAVAILABLE
            # reqwest, below pyqwest, sends a refused request up to three times.
            assert len(server.bodies) == 1 + (3 if library == "pyqwest" else 2)

    @pytest.mark.parametrize("reason", [NO_ERROR, INTERNAL_ERROR])
    def test_a_request_up_to_the_last_one_may_have_been_processed(self, caller, reason):
        with closing(Http2Server(OK, (reason, 0))) as server:
            first, error = caller.calls(server, OTHER, OTHER)
            assert (first, error.code) == ("ok", Code.UNAVAILABLE)
            assert "does not have an idempotency_level" in error.message
            assert len(server.bodies) == 2
        with closing(Http2Server(OK, (reason, 0))) as server:
            assert caller.calls(server, SAFE, SAFE) == ["ok", "ok"]


def generated():
    """Return an iterator of requests, which gives each one once."""
    return (StringValue(value="b") for _ in range(1))


class TestStreamOfRequests:
    @pytest.mark.parametrize("action", REFUSALS, ids=str)
    def test_refused_requests_that_were_taken(self, caller, action):
        each = method(IdempotencyLevel.UNKNOWN, MethodKind.CLIENT_STREAM)
        with closing(Http2Server(OK, action)) as server:
            first, error = caller.calls(server, each, each, requests=generated)
            assert (first, error.code) == ("ok", Code.UNAVAILABLE)
            assert len(server.bodies) == 2

    @pytest.mark.parametrize("make", [Http1Server, Http2Server], ids=["HTTP/1.1", "HTTP/2"])
    def test_requests_that_were_taken_cannot_be_sent_again(self, caller, make):
        each = method(IdempotencyLevel.IDEMPOTENT, MethodKind.CLIENT_STREAM)
        with closing(make(OK, CLOSE)) as server:
            first, error = caller.calls(server, each, each, requests=generated)
            assert (first, error.code) == ("ok", Code.UNAVAILABLE)
            assert "begun to take the stream of requests" in error.message
            assert len(server.bodies) == 2

    def test_a_long_list_is_sent_again(self, caller):
        """It is longer than what is encoded before it is sent."""
        texts = [StringValue(value="x" * 50_000) for _ in range(5)]
        each = method(IdempotencyLevel.IDEMPOTENT, MethodKind.CLIENT_STREAM)
        with closing(Http1Server(OK, CLOSE)) as server:
            assert caller.calls(server, each, each, requests=lambda: texts) == ["ok", "ok"]
            assert len(server.bodies) == 3
            assert len(set(server.bodies)) == 1
            assert server.bodies[0].count(b"x") == 250_000


class TestOwnConnections:
    @pytest.fixture(params=["httpx", "pyqwest"])
    def library(self, request):
        return request.param

    @pytest.fixture
    def transport(self, caller):
        """A transport as a client makes it for itself."""
        make, make_sync = {
            "httpx": (HttpxTransport.make, HttpxTransportSync.make),
            "pyqwest": (
                partial(PyqwestTransport.make, http2=False),
                partial(PyqwestTransportSync.make, http2=False),
            ),
        }[caller.library]
        return make() if caller.is_async else InterruptibleTransport(make_sync(), make)

    @pytest.fixture(params=["async", "sync", "sync with a deadline", "sync with a cancellation"])
    def caller(self, request, library, authority):
        return Caller(request.param, library, authority)

    @kinds
    def test_calls_are_made_again(self, caller, transport, kind):
        each = method(IdempotencyLevel.IDEMPOTENT, kind)
        with closing(Http1Server(OK, CLOSE)) as server:
            assert caller.calls(server, each, each, transport=transport) == ["ok", "ok"]
            assert len(server.bodies) == 3

    def test_idle_connections_are_not_used_again(self, caller, monkeypatch, request):
        for module in ("httpx", "pyqwest.options"):
            name = f"connectrpc_client._transports.{module}.IDLE_EXPIRY"
            monkeypatch.setattr(name, 0.01)
        transport = request.getfixturevalue("transport")
        with closing(Http1Server()) as server:
            # Seconds: many times as long as the connection is kept.
            calls = caller.calls(server, SAFE, SAFE, transport=transport, pause=0.5)
            assert calls == ["ok", "ok"]
            assert server.connections == 2

    def test_they_end_before_those_of_servers(self):
        assert 0 < IDLE_EXPIRY < 5


class Counter:
    """Interceptors of an async and a sync client that count the calls."""

    def __init__(self):
        self.unary = self.metadata = 0

    async def intercept_unary(self, call_next, request, ctx):
        self.unary += 1
        return await call_next(request, ctx)

    def intercept_unary_sync(self, call_next, request, ctx):
        self.unary += 1
        return call_next(request, ctx)


class MetadataCounter:
    def __init__(self, counter):
        self.counter = counter

    async def on_start(self, ctx):
        self.on_start_sync(ctx)

    async def on_end(self, token, ctx, error):
        assert error is None

    def on_start_sync(self, ctx):
        self.counter.metadata += 1

    def on_end_sync(self, token, ctx, error):
        assert error is None


def test_interceptors_see_one_call(caller):
    counter = Counter()
    interceptors = [MetadataCounter(counter), counter]
    with closing(Http1Server(OK, CLOSE)) as server:
        assert caller.calls(server, SAFE, SAFE, interceptors=interceptors) == ["ok", "ok"]
        assert len(server.bodies) == 3
    assert (counter.unary, counter.metadata) == (2, 2)


def test_the_deadline_is_that_of_the_whole_call(caller):
    with closing(Http1Server(OK, CLOSE, SILENT)) as server:
        begin = time.monotonic()
        caller.options = {"timeout_ms": 2000}
        first, error = caller.calls(server, SAFE, SAFE)
        assert (first, error.code) == ("ok", Code.DEADLINE_EXCEEDED)
        assert 2 <= time.monotonic() - begin < STEP_MS / 1000
        assert len(server.bodies) == 3
