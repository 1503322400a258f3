"""The transports before real servers: versions, headers, trailers, duplex, ends of all kinds."""

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
from contextlib import asynccontextmanager, closing, contextmanager, suppress

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
PATIENCE = 60  # seconds


class Application:
    """An ASGI application whose paths are behaviours, and which remembers how exchanges ended."""

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
        """Gives back each piece as it comes; its head before everything."""
        version = scope["http_version"].encode()
        agent = dict(scope["headers"]).get(b"user-agent", b"")
        length = dict(scope["headers"]).get(b"content-length", b"")
        told = [(b"x-version", version), (b"x-agent", agent), (b"x-length", length)]
        await self.start(send, told)
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
        """Several headers of one name, there and back, and a body that looks compressed."""
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
        """Says how long its answer is, and from which port of its client it was asked for."""
        port = str(scope["client"][1]).encode()
        await self.start(send, [(b"content-length", b"200000"), (b"x-port", port)])
        await self.body(send, b"x" * 150_000, more=True)
        await self.body(send, b"y" * 50_000)

    async def silent(self, scope, receive, send):
        """Never answers."""
        await self._until_disconnect(receive)

    async def stalled(self, scope, receive, send):
        """Answers with one piece, and no more."""
        await self.start(send)
        await self.body(send, b"first", more=True)
        await self._until_disconnect(receive)

    async def dripping(self, scope, receive, send):
        """Never stops to answer."""
        await self.start(send)
        gone = asyncio.ensure_future(self._until_disconnect(receive))
        while not gone.done():
            await self.body(send, b".", more=True)
            await asyncio.sleep(0.02)

    async def flood(self, scope, receive, send):
        """A long answer."""
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
        thread.join(PATIENCE)
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
    """The protocol for which our own client speaks that version to http:// addresses."""
    return GRPC if version == "2" else CONNECT


def post(url, body=b"", **headers):
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return HttpRequest("POST", url, pairs, body)


def run(coroutine):
    async def limited():
        async with asyncio.timeout(PATIENCE):
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
    @pytest.fixture(params=["async", "in place", "in a worker", "cancellable"])
    def exchange(self, request, library):
        def call(*arguments):
            transport = select_transport_sync(SYNC_CLIENTS[library](), CONNECT)
            with closing(transport):
                if request.param == "in place":
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
    """What a function returns in another thread than the main one."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(function).result(PATIENCE)


@contextmanager
def own_sync(version):
    transport = select_transport_sync(None, protocol_of(version))
    with closing(transport):
        yield transport


@asynccontextmanager
async def own_async(version):
    transport = select_transport(None, protocol_of(version))
    try:
        yield transport
    finally:
        await transport.aclose()


class TestVersions:
    def test_async(self, url, version):
        async def check():
            async with own_async(version) as transport:
                return await exchange_async(transport, post(f"{url}/echo", b"x"))

        exchange = run(check())
        assert exchange.all("x-version") == [version]
        assert exchange.all("x-agent")[0].startswith("connectrpc-client/")

    @pytest.mark.parametrize("cancellation", [None, Cancellation()])
    def test_sync(self, url, version, cancellation):
        with own_sync(version) as transport:
            exchange = exchange_sync(transport, post(f"{url}/echo", b"x"), None, cancellation)
        assert exchange.all("x-version") == [version]

    @pytest.mark.parametrize("version", ["1.1"], indirect=True)
    @pytest.mark.parametrize(("body", "length"), [(b"", ["0"]), (None, [""])])
    def test_empty_request(self, url, version, body, length):
        with own_sync(version) as transport:
            request = HttpRequest("POST", f"{url}/echo", [], body)
            requests = iter(()) if body is None else None
            assert exchange_sync(transport, request, requests).all("x-length") == length


@pytest.mark.parametrize("version", ["2"], indirect=True)
class TestTrailers:
    TRAILERS = ((b"x-end", b"1"), (b"x-end", b"2"))

    def test_async(self, url):
        async def check():
            async with own_async("2") as transport:
                return await exchange_async(transport, post(f"{url}/trailers", te="trailers"))

        exchange = run(check())
        assert (exchange.body, tuple(exchange.trailers)) == (b"data", self.TRAILERS)

    @pytest.mark.parametrize("cancellation", [None, Cancellation()])
    def test_sync(self, url, cancellation):
        with own_sync("2") as transport:
            request = post(f"{url}/trailers", te="trailers")
            exchange = exchange_sync(transport, request, None, cancellation)
        assert (exchange.body, tuple(exchange.trailers)) == (b"data", self.TRAILERS)


class TestFullDuplex:
    """Each piece comes back before the next one is sent, over HTTP/1.1, too."""

    def test_async(self, url, version):
        async def check():
            outgoing = asyncio.Queue()

            async def body():
                while (item := await outgoing.get()) is not None:
                    yield item

            async with own_async(version) as transport:
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
        with own_sync(version) as transport:
            request = HttpRequest("POST", f"{url}/echo", [], None)
            body = iter(outgoing.get, None)
            deadline = time.monotonic() + PATIENCE
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
            async with own_async(version) as transport:
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
        assert app.ends.get(timeout=PATIENCE) == "disconnect"

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
            assert app.ends.get(timeout=PATIENCE) == "disconnect"
        timer.join()

    def test_before_the_call(self, version, url):
        cancellation = Cancellation()
        cancellation.cancel()
        with own_sync(version) as transport, pytest.raises(ConnectError) as caught:
            exchange_sync(transport, post(f"{url}/echo"), None, cancellation)
        assert caught.value.code is Code.CANCELED

    def test_between_two_pieces(self, app, url, version):
        """A reader that is busy with a piece is told when it wants the next one."""
        cancellation = Cancellation()
        with own_sync(version) as transport:
            response = transport.send(post(f"{url}/stalled", b"x"), None, None, cancellation)
            chunks = response.chunks(None)
            assert next(chunks) == b"first"
            cancellation.cancel()
            assert app.ends.get(timeout=PATIENCE) == "disconnect"
            with pytest.raises(ConnectError) as caught:
                next(chunks)
            assert caught.value.code is Code.CANCELED
            response.close()

    @pytest.mark.parametrize("cancellation", [None, Cancellation()])
    def test_close(self, app, url, version, cancellation):
        with own_sync(version) as transport:
            response = transport.send(post(f"{url}/stalled", b"x"), None, None, cancellation)
            assert next(response.chunks(None)) == b"first"
            response.close()
            assert app.ends.get(timeout=PATIENCE) == "disconnect"


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
        raise ConnectionError("theirs")

    @pytest.mark.parametrize("path", ["silent", "echo"])
    def test_async(self, url, version, path):
        async def failing():
            for piece in self.failing():
                yield piece

        async def check():
            async with own_async(version) as transport:
                await exchange_async(
                    transport, HttpRequest("POST", f"{url}/{path}", [], None), failing()
                )

        with pytest.raises(ConnectionError, match="theirs"):
            run(check())

    @pytest.mark.parametrize("cancellation", [None, Cancellation()])
    @pytest.mark.parametrize("path", ["silent", "echo"])
    def test_sync(self, url, version, path, cancellation):
        request = HttpRequest("POST", f"{url}/{path}", [], None)
        with own_sync(version) as transport, pytest.raises(ConnectionError, match="theirs"):
            exchange_sync(transport, request, self.failing(), cancellation)


@contextmanager
def refusing(refuse):
    """An HTTP/2 server that has its connection and each request's stream passed to `refuse`."""

    def serve(listener):
        peer, _ = listener.accept()
        with peer, suppress(ConnectionError):  # the client may leave with a frame unread
            connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
            connection.initiate_connection()
            peer.sendall(connection.data_to_send())
            while data := peer.recv(65_536):
                if connection.state_machine.state is CLOSED:
                    continue
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        refuse(connection, event.stream_id)
                peer.sendall(connection.data_to_send())
                if connection.state_machine.state is CLOSED:
                    peer.shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(PATIENCE)


@pytest.mark.parametrize(
    ("reset", "code"),
    [
        (0x1, Code.INTERNAL),  # PROTOCOL_ERROR
        (0x2, Code.INTERNAL),  # INTERNAL_ERROR
        (0x3, Code.INTERNAL),  # FLOW_CONTROL_ERROR
        (0x7, Code.UNAVAILABLE),  # REFUSED_STREAM
        (0x8, Code.CANCELED),  # CANCEL
        (0xB, Code.RESOURCE_EXHAUSTED),  # ENHANCE_YOUR_CALM
        (0xC, Code.PERMISSION_DENIED),  # INADEQUATE_SECURITY
    ],
)
def test_reset_streams(reset, code):
    with refusing(lambda connection, stream: connection.reset_stream(stream, reset)) as url:
        with own_sync("2") as transport, pytest.raises(ConnectError) as caught:
            exchange_sync(transport, post(f"{url}/", b"x"))
        assert caught.value.code is code


@pytest.mark.parametrize("began", [False, True])
@pytest.mark.parametrize("reason", [0x2, 0x8, 0xB, 0xC])
def test_ended_connections(reason, began):
    """What a server ends a connection for, such as a flood (0xB), is not the fault of one call."""

    def refuse(connection, stream):
        if began:
            connection.send_headers(stream, [(":status", "200")])
        connection.close_connection(reason, last_stream_id=0)

    with refusing(refuse) as url:
        with own_sync("2") as transport, pytest.raises(ConnectError) as caught:
            exchange_sync(transport, post(f"{url}/", b"x"))
        assert caught.value.code is Code.UNAVAILABLE
        assert "connection error received" in caught.value.message


class TestUnreachable:
    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize("version", ["1.1", "2"])
    @pytest.mark.parametrize("cancellation", [None, Cancellation()])
    def test_sync(self, scheme, version, cancellation):
        with socket.socket() as unused, own_sync(version) as transport:
            unused.bind(("127.0.0.1", 0))
            url = f"{scheme}://127.0.0.1:{unused.getsockname()[1]}/"
            with pytest.raises(ConnectError) as caught:
                exchange_sync(transport, post(url, b"x"), None, cancellation)
            assert caught.value.code is Code.UNAVAILABLE

    @pytest.mark.parametrize("version", ["1.1"], indirect=True)
    def test_no_tls_where_some_is_expected(self, url):
        with own_sync("1.1") as transport, pytest.raises(ConnectError) as caught:
            exchange_sync(transport, post(url.replace("http:", "https:"), b"x"))
        assert caught.value.code is Code.UNAVAILABLE

    @pytest.mark.parametrize("version", ["1.1"], indirect=True)
    def test_no_http_2_where_it_is_needed(self, url):
        with own_sync("2") as transport, pytest.raises(ConnectError) as caught:
            exchange_sync(transport, post(url, b"x"))
        assert caught.value.code is Code.UNAVAILABLE


class Bare:
    """The least that is a transport."""

    has_trailers = is_full_duplex = False

    async def send(self, request, body, deadline):
        raise NotImplementedError

    async def aclose(self):
        raise NotImplementedError


class BareSync:
    """See `Bare`."""

    has_trailers = is_full_duplex = False

    def send(self, request, body, deadline, cancellation=None):
        raise NotImplementedError

    def close(self):
        raise NotImplementedError


class TestChoice:
    @pytest.mark.parametrize("client", [httpx.AsyncClient(), httpx2.AsyncClient()])
    def test_trailers_are_needed_async(self, client):
        with pytest.raises(ValueError, match=r"trailers.*connectrpc-client\[pyqwest\]"):
            select_transport(client, GRPC)

    @pytest.mark.parametrize("client", [httpx.Client(), httpx2.Client()])
    def test_trailers_are_needed_sync(self, client):
        with pytest.raises(ValueError, match=r"trailers.*connectrpc-client\[pyqwest\]"):
            select_transport_sync(client, GRPC)

    @pytest.mark.parametrize("client", [httpx.Client(), pyqwest.SyncClient(), object()])
    def test_wrong_for_async(self, client):
        with pytest.raises(TypeError):
            select_transport(client, CONNECT)

    @pytest.mark.parametrize("client", [httpx.AsyncClient(), pyqwest.Client(), object()])
    def test_wrong_for_sync(self, client):
        with pytest.raises(TypeError):
            select_transport_sync(client, CONNECT)

    @pytest.mark.parametrize("client", [httpx.AsyncClient(), httpx2.AsyncClient()])
    def test_errors_name_the_library(self, client):
        name = type(client).__module__.partition(".")[0]
        with pytest.raises(ValueError, match=f"and {name} does not support HTTP trailers:"):
            select_transport(client, GRPC)

    def test_errors_name_the_library_sync(self):
        with pytest.raises(ValueError, match="and httpx does not support HTTP trailers:"):
            select_transport_sync(httpx.Client(), GRPC)

    def test_transports_of_others(self):
        given, given_sync = Bare(), BareSync()
        assert select_transport(given, CONNECT) is given
        assert select_transport_sync(given_sync, CONNECT) is given_sync

    def test_transports_of_others_without_trailers(self):
        with pytest.raises(ValueError, match="and Bare does not support"):
            select_transport(Bare(), GRPC)
        with pytest.raises(ValueError, match="and BareSync does not support"):
            select_transport_sync(BareSync(), GRPC)

    @pytest.mark.parametrize(
        ("choose", "send"), [(select_transport, Bare.send), (select_transport_sync, BareSync.send)]
    )
    def test_what_a_transport_lacks(self, choose, send):
        half = type("Half", (), {"has_trailers": True, "send": send})
        close = "aclose" if choose is select_transport else "close"
        with pytest.raises(TypeError, match=f"Half does not have {close}, is_full_duplex$"):
            choose(half(), CONNECT)

    def test_an_async_transport_may_delegate(self):
        class Delegating(Bare):
            def send(self, *arguments):
                return super().send(*arguments)

        delegating = Delegating()
        assert select_transport(delegating, CONNECT) is delegating

    @pytest.mark.parametrize("name", ["send", "close"])
    def test_transport_that_is_half_async(self, name):
        mixed = type("Mixed", (BareSync,), {name: Bare.send})
        with pytest.raises(TypeError, match=f"a TransportSync: Mixed.{name} must not be async"):
            select_transport_sync(mixed(), CONNECT)

    @pytest.mark.parametrize("given", [Bare, BareSync])
    @pytest.mark.parametrize("choose", [select_transport, select_transport_sync])
    def test_classes_are_no_transports(self, choose, given):
        with pytest.raises(TypeError, match=f"{given.__name__} is a class"):
            choose(given, CONNECT)

    def test_imports(self):
        """HTTP libraries are imported once they are needed."""
        program = (
            "import sys, connectrpc_client as c; assert not {'httpx', 'pyqwest'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE)

    def test_without_pyqwest(self):
        program = """if True:
            import sys
            sys.modules["pyqwest"] = None
            import connectrpc_client as c
            try:
                c.ClientSync("http://test", protocol="grpc")
            except ValueError as error:
                text = "httpx does not support HTTP trailers: pip install"
                assert f"{text} 'connectrpc-client[pyqwest]'" in str(error)
            else:
                raise AssertionError
            client = c.ClientSync("http://test")
            assert not client._transport.has_trailers
        """
        subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE)


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
    """A program that waits for an answer hears it at once, and ends in peace."""

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
        assert began.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, output, errors) == (0, "begins\ninterrupted\n", "")
        assert app.ends.get(timeout=PATIENCE) == "disconnect"
