"""The transports with real servers: versions, headers, trailers, full duplex, how calls end."""

import asyncio
import gzip
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager

import h2.config
import h2.connection
import h2.events
import httpx
import httpx2
import pyqwest
import pytest
import uvicorn

from connectrpc_client import Cancellation, Code, ConnectError
from connectrpc_client._transports.select import select_transport, select_transport_sync
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.http import HttpRequest

CLOSED = h2.connection.ConnectionState.CLOSED
CONNECT, GRPC = client_protocol("connect"), client_protocol("grpc")
STEP_SECONDS = 60  # seconds that the slowest machine may take for one step


class Application:
    """An ASGI application with one behaviour for each path. It notes how exchanges end."""

    def __init__(self):
        self.ends = queue.Queue()

    async def __call__(self, scope, receive, send):
        await getattr(self, scope["path"].strip("/"))(scope, receive, send)

    async def start(self, send, headers=(), **more):
        message = {"type": "http.response.start", "status": 200, "headers": list(headers)}
        await send(message | more)

    async def body(self, send, data, *, more=False):
        await send({"type": "http.response.body", "body": data, "more_body": more})

    async def echo(self, scope, receive, send):
        """Sends the head first, then each chunk of the request as it arrives."""
        version = scope["http_version"].encode()
        agent = dict(scope["headers"]).get(b"user-agent", b"")
        length = dict(scope["headers"]).get(b"content-length", b"")
        reflected = [(b"x-version", version), (b"x-agent", agent), (b"x-length", length)]
        await self.start(send, reflected)
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ends.put("disconnect")
                return
            if message["body"]:
                await self.body(send, message["body"], more=True)
            if not message["more_body"]:
                break
        await self.body(send, b"")
        self.ends.put("end")

    async def headers(self, scope, receive, send):
        """Echoes several headers of one name, and sends a body that looks compressed."""
        values = [value for name, value in scope["headers"] if name == b"x-in"]
        headers = [(b"x-out", value) for value in values] + [(b"content-encoding", b"gzip")]
        await self.start(send, headers)
        await self.body(send, gzip.compress(b"data"))

    async def trailers(self, scope, receive, send):
        await self.start(send, trailers=True)
        await self.body(send, b"data")
        pairs = [(b"x-end", b"1"), (b"x-end", b"2")]
        await send({"type": "http.response.trailers", "headers": pairs, "more_trailers": False})

    async def sized(self, scope, receive, send):
        """Sends a body with a length, and the port of its client."""
        port = str(scope["client"][1]).encode()
        await self.start(send, [(b"content-length", b"200000"), (b"x-port", port)])
        await self.body(send, b"x" * 150_000, more=True)
        await self.body(send, b"y" * 50_000)

    async def silent(self, scope, receive, send):
        """Never responds."""
        await self._until_disconnect(receive)

    async def stalled(self, scope, receive, send):
        """Sends one chunk, and then nothing."""
        await self.start(send)
        await self.body(send, b"first", more=True)
        await self._until_disconnect(receive)

    async def dripping(self, scope, receive, send):
        """Sends small chunks until the client disconnects."""
        await self.start(send)
        gone = asyncio.ensure_future(self._until_disconnect(receive))
        while not gone.done():
            await self.body(send, b".", more=True)
            await asyncio.sleep(0.02)

    async def flood(self, scope, receive, send):
        """Sends a long body."""
        await self.start(send)
        for _ in range(64):
            await self.body(send, b"x" * 65_536, more=True)
        await self.body(send, b"")

    async def _until_disconnect(self, receive):
        while (await receive())["type"] != "http.disconnect":
            pass
        self.ends.put("disconnect")


@contextmanager
def serving(app, **options):
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(STEP_SECONDS)
        listener.close()


@pytest.fixture
def app():
    return Application()


@pytest.fixture
def url(app, version):
    options = {"http": "zttp", "http2": True} if version == "2" else {"http": "h11"}
    with serving(app, **options) as address:
        yield address


@pytest.fixture(params=["1.1", "2"])
def version(request):
    return request.param


def protocol_of(version):
    """Return the protocol for which a default client uses this version over http://."""
    return GRPC if version == "2" else CONNECT


def post(url, body=b"", **headers):
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return HttpRequest("POST", url, pairs, body)


def run(coroutine):
    async def limited():
        async with asyncio.timeout(STEP_SECONDS):
            return await coroutine

    return asyncio.run(limited())


class Exchange:
    """One exchange of an async or sync transport, read to its end."""

    def __init__(self, response, body):
        self.status, self.headers, self.trailers = (
            response.status,
            [(name.lower(), value) for name, value in response.headers],
            [(name.lower(), value) for name, value in response.trailers],
        )
        self.body = body

    def all(self, name):
        return [value.decode() for known, value in self.headers if known == name.encode()]


async def exchange_async(transport, request, body=None):
    response = await transport.send(request, body, None)
    try:
        return Exchange(response, b"".join([chunk async for chunk in response.chunks()]))
    finally:
        await response.aclose()


def exchange_sync(transport, request, body=None, cancellation=None, deadline=None):
    response = transport.send(request, body, deadline, cancellation)
    try:
        data = b"".join(response.chunks(deadline))
        return Exchange(response, data)
    finally:
        response.close()


RAW = {"enable_gzip": False, "enable_brotli": False, "enable_zstd": False}
ASYNC_CLIENTS = {
    "own": lambda: None,
    "httpx": httpx.AsyncClient,
    "httpx2": httpx2.AsyncClient,
    "pyqwest": lambda: pyqwest.Client(pyqwest.HTTPTransport(**RAW)),
}
SYNC_CLIENTS = {
    "own": lambda: None,
    "httpx": httpx.Client,
    "httpx2": httpx2.Client,
    "pyqwest": lambda: pyqwest.SyncClient(pyqwest.SyncHTTPTransport(**RAW)),
}


@pytest.mark.parametrize("version", ["1.1"], indirect=True)
@pytest.mark.parametrize("library", ASYNC_CLIENTS)
class TestEveryLibrary:
    @pytest.fixture(params=["async", "direct", "in a worker", "cancellable"])
    def exchange(self, request, library):
        def call(*arguments):
            transport = select_transport_sync(SYNC_CLIENTS[library](), CONNECT)
            with closing(transport):
                if request.param == "direct":
                    return in_thread(lambda: exchange_sync(transport, *arguments))
                cancellation = Cancellation() if request.param == "cancellable" else None
                return exchange_sync(transport, *arguments, cancellation=cancellation)

        async def call_async(*arguments):
            transport = select_transport(ASYNC_CLIENTS[library](), CONNECT)
            try:
                return await exchange_async(transport, *arguments)
            finally:
                await transport.aclose()

        if request.param == "async":
            return lambda *arguments: run(call_async(*arguments))
        return call

    def test_all_values_of_a_header(self, exchange, url):
        request = HttpRequest("POST", f"{url}/headers", [("x-in", "1"), ("x-in", "2")], b"x")
        assert exchange(request, None).all("x-out") == ["1", "2"]

    def test_large_bodies(self, exchange, url):
        assert len(exchange(post(f"{url}/flood"), None).body) == 64 * 65_536

    def test_sized_bodies(self, exchange, url):
        assert exchange(post(f"{url}/sized")).body == b"x" * 150_000 + b"y" * 50_000

    def test_body_as_it_is(self, exchange, url):
        assert gzip.decompress(exchange(post(f"{url}/headers"), None).body) == b"data"


def in_thread(function):
    """Return what the function returns in a thread that is not the main thread."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(function).result(STEP_SECONDS)


@contextmanager
def default_sync(version):
    transport = select_transport_sync(None, protocol_of(version))
    with closing(transport):
        yield transport


@asynccontextmanager
async def default_async(version):
    transport = select_transport(None, protocol_of(version))
    try:
        yield transport
    finally:
        await transport.aclose()


class TestVersions:
    def test_async(self, url, version):
        async def check():
            async with default_async(version) as transport:
                return await exchange_async(transport, post(f"{url}/echo", b"x"))

        exchange = run(check())
        assert exchange.all("x-version") == [version]
        assert exchange.all("x-agent")[0].startswith("connectrpc-client/")

    @pytest.mark.parametrize("cancellation", [None, Cancellation()])
    def test_sync(self, url, version, cancellation):
        with default_sync(version) as transport:
            exchange = exchange_sync(transport, post(f"{url}/echo", b"x"), None, cancellation)
        assert exchange.all("x-version") == [version]

    @pytest.mark.parametrize("version", ["1.1"], indirect=True)
    @pytest.mark.parametrize(("body", "length"), [(b"", ["0"]), (None, [""])])
    def test_empty_request(self, url, version, body, length):
        with default_sync(version) as transport:
            request = HttpRequest("POST", f"{url}/echo", [], body)
            requests = iter(()) if body is None else None
            assert exchange_sync(transport, request, requests).all("x-length") == length


@pytest.mark.parametrize("version", ["2"], indirect=True)
class TestTrailers:
    TRAILERS = ((b"x-end", b"1"), (b"x-end", b"2"))

    def test_async(self, url):
        async def check():
            async with default_async("2") as transport:
                return await exchange_async(transport, post(f"{url}/trailers", te="trailers"))

        exchange = run(check())
        assert (exchange.body, tuple(exchange.trailers)) == (b"data", self.TRAILERS)

    @pytest.mark.parametrize("cancellation", [None, Cancellation()])
    def test_sync(self, url, cancellation):
        with default_sync("2") as transport:
            request = post(f"{url}/trailers", te="trailers")
            exchange = exchange_sync(transport, request, None, cancellation)
        assert (exchange.body, tuple(exchange.trailers)) == (b"data", self.TRAILERS)


class TestFullDuplex:
    """Each chunk comes back before the next one is sent, over HTTP/1.1, too."""

    def test_async(self, url, version):
        async def check():
            outgoing = asyncio.Queue()

            async def body():
                while (item := await outgoing.get()) is not None:
                    yield item

            async with default_async(version) as transport:
                assert transport.is_full_duplex
                request = HttpRequest("POST", f"{url}/echo", [], None)
                response = await transport.send(request, body(), None)
                chunks = response.chunks()
                for item in (b"a", b"b"):
                    await outgoing.put(item)
                    assert await anext(chunks) == item
                await outgoing.put(None)
                assert b"".join([chunk async for chunk in chunks]) == b""
                await response.aclose()

        run(check())

    @pytest.mark.parametrize("cancellation", [None, Cancellation()])
    def test_sync(self, url, version, cancellation):
        outgoing = queue.Queue()
        with default_sync(version) as transport:
            request = HttpRequest("POST", f"{url}/echo", [], None)
            body = iter(outgoing.get, None)
            deadline = time.monotonic() + STEP_SECONDS
            response = transport.send(request, body, deadline, cancellation)
            chunks = response.chunks(deadline)
            for item in (b"a", b"b"):
                outgoing.put(item)
                assert next(chunks) == item
            outgoing.put(None)
            assert b"".join(chunks) == b""
            response.close()


class TestCancellation:
    @pytest.mark.parametrize("path", ["silent", "stalled"])
    def test_async(self, app, url, version, path):
        async def check():
            async with default_async(version) as transport:
                reading = asyncio.Event()

                async def read():
                    asyncio.get_running_loop().call_later(0.1, reading.set)
                    await exchange_async(transport, post(f"{url}/{path}", b"x"))

                task = asyncio.create_task(read())
                await reading.wait()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        run(check())
        assert app.ends.get(timeout=STEP_SECONDS) == "disconnect"

    @pytest.mark.parametrize("library", ["own", "httpx", "pyqwest"])
    @pytest.mark.parametrize("path", ["silent", "stalled"])
    def test_sync(self, app, url, version, path, library):
        given = SYNC_CLIENTS[library]()
        protocol = protocol_of(version) if given is None else CONNECT
        transport = select_transport_sync(given, protocol)
        cancellation = Cancellation()
        timer = threading.Timer(0.3, cancellation.cancel)
        timer.start()
        with pytest.raises(ConnectError) as caught:
            exchange_sync(transport, post(f"{url}/{path}", b"x"), None, cancellation)
        assert caught.value.code is Code.CANCELED
        if path == "stalled" or given is None:
            assert app.ends.get(timeout=STEP_SECONDS) == "disconnect"
        timer.join()

    def test_before_the_call(self, version, url):
        cancellation = Cancellation()
        cancellation.cancel()
        with default_sync(version) as transport, pytest.raises(ConnectError) as caught:
            exchange_sync(transport, post(f"{url}/echo"), None, cancellation)
        assert caught.value.code is Code.CANCELED

    def test_between_two_chunks(self, app, url, version):
        """A reader that is busy with a chunk gets the error when it wants the next one."""
        cancellation = Cancellation()
        with default_sync(version) as transport:
            response = transport.send(post(f"{url}/stalled", b"x"), None, None, cancellation)
            chunks = response.chunks(None)
            assert next(chunks) == b"first"
            cancellation.cancel()
            assert app.ends.get(timeout=STEP_SECONDS) == "disconnect"
            with pytest.raises(ConnectError) as caught:
                next(chunks)
            assert caught.value.code is Code.CANCELED
            response.close()

    @pytest.mark.parametrize("cancellation", [None, Cancellation()])
    def test_close(self, app, url, version, cancellation):
        with default_sync(version) as transport:
            response = transport.send(post(f"{url}/stalled", b"x"), None, None, cancellation)
            assert next(response.chunks(None)) == b"first"
            response.close()
            assert app.ends.get(timeout=STEP_SECONDS) == "disconnect"


@pytest.mark.parametrize("version", ["1.1"], indirect=True)
@pytest.mark.parametrize("library", SYNC_CLIENTS)
@pytest.mark.parametrize("cancellation", [None, Cancellation()])
@pytest.mark.parametrize("path", ["silent", "stalled", "dripping"])
def test_sync_deadline(url, library, cancellation, path):
    transport = select_transport_sync(SYNC_CLIENTS[library](), CONNECT)
    request = post(f"{url}/{path}", b"x")
    with closing(transport), pytest.raises(ConnectError) as caught:
        exchange_sync(transport, request, None, cancellation, time.monotonic() + 0.5)
    assert caught.value.code is Code.DEADLINE_EXCEEDED


class TestRequestIterators:
    def failing(self):
        yield b"a"
        raise ConnectionError("in the body")

    @pytest.mark.parametrize("path", ["silent", "echo"])
    def test_async(self, url, version, path):
        async def failing():
            for chunk in self.failing():
                yield chunk

        async def check():
            async with default_async(version) as transport:
                await exchange_async(
                    transport, HttpRequest("POST", f"{url}/{path}", [], None), failing()
                )

        with pytest.raises(ConnectionError, match="in the body"):
            run(check())

    @pytest.mark.parametrize("cancellation", [None, Cancellation()])
    @pytest.mark.parametrize("path", ["silent", "echo"])
    def test_sync(self, url, version, path, cancellation):
        request = HttpRequest("POST", f"{url}/{path}", [], None)
        with (
            default_sync(version) as transport,
            pytest.raises(ConnectionError, match="in the body"),
        ):
            exchange_sync(transport, request, self.failing(), cancellation)


class TestUnreachable:
    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize("version", ["1.1", "2"])
    @pytest.mark.parametrize("cancellation", [None, Cancellation()])
    def test_sync(self, scheme, version, cancellation):
        with socket.socket() as unused, default_sync(version) as transport:
            unused.bind(("127.0.0.1", 0))
            url = f"{scheme}://127.0.0.1:{unused.getsockname()[1]}/"
            with pytest.raises(ConnectError) as caught:
                exchange_sync(transport, post(url, b"x"), None, cancellation)
            assert caught.value.code is Code.UNAVAILABLE

    @pytest.mark.parametrize("version", ["1.1"], indirect=True)
    def test_server_without_tls(self, url):
        with default_sync("1.1") as transport, pytest.raises(ConnectError) as caught:
            exchange_sync(transport, post(url.replace("http:", "https:"), b"x"))
        assert caught.value.code is Code.UNAVAILABLE

    @pytest.mark.parametrize("version", ["1.1"], indirect=True)
    def test_server_without_http_2(self, url):
        with default_sync("2") as transport, pytest.raises(ConnectError) as caught:
            exchange_sync(transport, post(url, b"x"))
        assert caught.value.code is Code.UNAVAILABLE


CALL = """if True:
    import sys
    from google.protobuf.wrappers_pb2 import StringValue
    from connectrpc_client import Cancellation, ClientSync, Method, MethodKind
    import httpx
    kind, name, url = sys.argv[1:]
    method = Method(
        service="x", name=name, kind=MethodKind.UNARY, request=StringValue, response=StringValue
    )
    client = ClientSync(url, http_client=httpx.Client(timeout=None) if kind == "httpx" else None)
    more = {"cancellation": Cancellation()} if kind == "cancellable" else {}
    print("begins", flush=True)
    try:
        client._call_unary(method, StringValue(), **more)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("version", ["1.1"], indirect=True)
@pytest.mark.parametrize("path", ["silent", "stalled"])
@pytest.mark.parametrize("kind", ["own", "cancellable", "httpx"])
def test_ctrl_c(app, url, kind, path):
    """A program that waits for a response is interrupted at once, and exits normally."""

    async def wrapped(scope, receive, send):
        began.set()
        await getattr(app, path)(scope, receive, send)

    began = threading.Event()
    with serving(wrapped, http="h11") as address:
        process = subprocess.Popen(
            [sys.executable, "-c", CALL, kind, path, address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert began.wait(STEP_SECONDS)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=STEP_SECONDS)
        assert (process.returncode, output, errors) == (0, "begins\ninterrupted\n", "")
        assert app.ends.get(timeout=STEP_SECONDS) == "disconnect"
