"""An async and a sync client, used in the same way, with a scripted server."""

import asyncio
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import httpx
import pytest
import uvicorn
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import Client, ClientSync, IdempotencyLevel, Method, MethodKind

SERVICE = "test.v1.Echo"


def method(name: str, kind: MethodKind, level: IdempotencyLevel) -> Method[Any, Any]:
    return Method(
        service=SERVICE,
        name=name,
        kind=kind,
        request=StringValue,
        response=StringValue,
        idempotency=level,
    )


UNARY = method("Unary", MethodKind.UNARY, IdempotencyLevel.NO_SIDE_EFFECTS)
WRITE = method("Write", MethodKind.UNARY, IdempotencyLevel.UNKNOWN)
CLIENT = method("Client", MethodKind.CLIENT_STREAM, IdempotencyLevel.UNKNOWN)
SERVER = method("Server", MethodKind.SERVER_STREAM, IdempotencyLevel.UNKNOWN)
BIDI = method("Bidi", MethodKind.BIDI_STREAM, IdempotencyLevel.UNKNOWN)


class EchoClient(Client):
    """Like a generated client."""

    async def call_unary(self, text: str, **options: Any):
        return await self._call_unary(UNARY, StringValue(value=text), **options)

    async def call_write(self, text: str, **options: Any):
        return await self._call_unary(WRITE, StringValue(value=text), **options)

    async def call_client(self, requests: Any, **options: Any):
        return await self._call_client_stream(CLIENT, requests, **options)

    async def call_server(self, text: str, **options: Any):
        return await self._call_server_stream(SERVER, StringValue(value=text), **options)

    async def call_bidi(self, requests: Any, **options: Any):
        return await self._call_bidi_stream(BIDI, requests, **options)

    def server(self, text: str, **options: Any):
        return self._server_stream(SERVER, StringValue(value=text), **options)

    def bidi(self, requests: Any, **options: Any):
        return self._bidi_stream(BIDI, requests, **options)

    def open_client(self, **options: Any):
        return self._open_client_stream(CLIENT, **options)

    def open_bidi(self, **options: Any):
        return self._open_bidi_stream(BIDI, **options)


class EchoClientSync(ClientSync):
    """Like a generated client."""

    def call_unary(self, text: str, **options: Any):
        return self._call_unary(UNARY, StringValue(value=text), **options)

    def call_write(self, text: str, **options: Any):
        return self._call_unary(WRITE, StringValue(value=text), **options)

    def call_client(self, requests: Any, **options: Any):
        return self._call_client_stream(CLIENT, requests, **options)

    def call_server(self, text: str, **options: Any):
        return self._call_server_stream(SERVER, StringValue(value=text), **options)

    def call_bidi(self, requests: Any, **options: Any):
        return self._call_bidi_stream(BIDI, requests, **options)

    def server(self, text: str, **options: Any):
        return self._server_stream(SERVER, StringValue(value=text), **options)

    def bidi(self, requests: Any, **options: Any):
        return self._bidi_stream(BIDI, requests, **options)

    def open_client(self, **options: Any):
        return self._open_client_stream(CLIENT, **options)

    def open_bidi(self, **options: Any):
        return self._open_bidi_stream(BIDI, **options)


def envelope(data: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(data)) + data


def messages(*texts: str, end: bytes = b"{}") -> bytes:
    """Return the body of a stream of responses in binary Protobuf."""
    data = [envelope(StringValue(value=text).SerializeToString()) for text in texts]
    return b"".join(data) + envelope(end, 2)


class Server:
    """Responds to every request with the `handler` of the test, and keeps the requests.

    It is a transport of httpx, so the test uses the real client except for the socket.
    """

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.handler: Callable[[httpx.Request], httpx.Response] = self.unary("ok")

    def unary(self, text: str, status: int = 200, **headers: str):
        body = StringValue(value=text).SerializeToString()
        return self.respond(status, "application/proto", body, **headers)

    def stream(self, *texts: str, end: bytes = b"{}", **headers: str):
        return self.respond(200, "application/connect+proto", messages(*texts, end=end), **headers)

    def respond(self, status: int, content_type: str, body: bytes, **headers: str):
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        def handle(request: httpx.Request) -> httpx.Response:
            # As a stream, because httpx decodes a body that is complete.
            stream = Body([body])
            return httpx.Response(
                status, headers={"content-type": content_type, **named}, stream=stream
            )

        return handle

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        return self.handler(request)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        return self.handler(request)


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in chunks that notes whether it was closed."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self.chunks = chunks
        self.is_closed = False

    def __iter__(self):
        yield from self.chunks

    async def __aiter__(self):
        for chunk in self.chunks:
            yield chunk

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True


class Caller:
    """Makes an async or a sync client, and calls it in the same way."""

    def __init__(self, side: str, server: Server) -> None:
        self.side = side
        self.server = server

    @property
    def is_async(self) -> bool:
        return self.side == "async"

    def make(self, base_url: str = "http://test", **options: Any) -> Any:
        """Return a client of the scripted server, unless another HTTP client is given."""
        if self.is_async:
            transport = httpx.MockTransport(self.server.handle)
            options.setdefault("http_client", httpx.AsyncClient(transport=transport))
            return EchoClient(base_url, **options)
        transport = httpx.MockTransport(self.server)
        options.setdefault("http_client", httpx.Client(transport=transport))
        return EchoClientSync(base_url, **options)

    def call(self, name: str, argument: Any, *, client: Any = None, **options: Any) -> Any:
        """Return the output of a `call_*` method; for a stream its texts, headers and trailers."""
        client = client or self.make(
            **{key: options.pop(key) for key in list(options) if key in CLIENT_OPTIONS}
        )
        if self.is_async:
            return asyncio.run(self._call_async(client, name, argument, options))
        output = getattr(client, f"call_{name}")(argument, **options)
        if name in ("server", "bidi"):
            with output:
                texts = [message.value for message in output]
            return texts, output.headers, output.trailers
        return output

    async def _call_async(self, client: Any, name: str, argument: Any, options: Any) -> Any:
        async with asyncio.timeout(60):
            output = await getattr(client, f"call_{name}")(argument, **options)
            if name in ("server", "bidi"):
                async with output:
                    texts = [message.value async for message in output]
                return texts, output.headers, output.trailers
            return output


CLIENT_OPTIONS = {
    "accept_compression",
    "codec",
    "compress_min_bytes",
    "interceptors",
    "protocol",
    "read_max_bytes",
    "send_compression",
}


@pytest.fixture
def unused_url() -> Iterator[str]:
    """The URL of a port on which no server listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture(params=["async", "sync"])
def caller(request: pytest.FixtureRequest, server: Server) -> Caller:
    return Caller(request.param, server)


@pytest.fixture
def make_caller(server: Server) -> Callable[[str], Caller]:
    return lambda side: Caller(side, server)


@pytest.fixture
def make_body() -> type[Body]:
    return Body


@pytest.fixture
def pack() -> Callable[..., bytes]:
    return envelope


class LiveApplication:
    """An ASGI application over Connect. It notes which calls have begun, and how many have ended.

    It reads the request of `Client` and responds with one message. To `Server` and `Bidi` it sends
    one message, and to `Write` it does not respond; then it waits until the client disconnects.
    """

    def __init__(self) -> None:
        self.begun: queue.Queue[str] = queue.Queue()
        self.ended: queue.Queue[str] = queue.Queue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name = scope["path"].rpartition("/")[2]
        if name == "Client":
            while (await receive()).get("more_body"):
                pass
            await self._start(send)
            await send({"type": "http.response.body", "body": messages("a")})
            return
        if name != "Write":
            await self._start(send)
            body = messages("a")[:8]
            await send({"type": "http.response.body", "body": body, "more_body": True})
        self.begun.put(name)
        while (await receive())["type"] != "http.disconnect":
            pass
        self.ended.put(name)

    async def _start(self, send: Any) -> None:
        headers = [(b"content-type", b"application/connect+proto")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class LiveServer:
    """A real server of a `LiveApplication`."""

    def __init__(self) -> None:
        self.app = LiveApplication()
        options = {"log_level": "critical", "lifespan": "off", "http": "httptools"}
        self._server = uvicorn.Server(uvicorn.Config(self.app, **options))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        run = self._server.run
        self._thread = threading.Thread(target=run, args=([self._listener],), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(30)
        self._listener.close()


@pytest.fixture
def live_server() -> Iterator[LiveServer]:
    with closing(LiveServer()) as server:
        yield server
