"""One async and one sync service, and functions that call ASGI and WSGI applications."""

import asyncio
import io
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
from google.protobuf.wrappers_pb2 import Int64Value, StringValue

from connectrpc_server import (
    ASGIApplication,
    Code,
    ConnectError,
    Handler,
    HandlerSync,
    IdempotencyLevel,
    Method,
    MethodKind,
    RequestContext,
    WSGIApplication,
)

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


def respond(text: str, ctx: RequestContext) -> Any:
    """Make the response of both services. The text of the request chooses what happens."""
    if text == "crash":
        raise RuntimeError("secret-db-password")
    if text.startswith("fail:"):
        raise ConnectError(
            Code(text[5:]), "as asked", [Int64Value(value=7)], {"x-error": "metadata"}
        )
    if text == "wrong":
        return Int64Value(value=7)
    if text == "metadata":
        ctx.response_headers["x-header"] = "h"
        ctx.response_trailers["x-trailer"] = "t"
    if text == "context":
        peer, header = ctx.peer, ctx.request_headers.get("x-in")
        text = f"{ctx.protocol} {ctx.http_method} {ctx.method.name} {peer} {header}"
    return StringValue(value=text)


class AsyncEcho:
    def __init__(self) -> None:
        self.closed: list[str] = []

    async def unary(self, request: StringValue, ctx: RequestContext) -> StringValue:
        return respond(request.value, ctx)

    async def client(
        self, requests: AsyncIterator[StringValue], ctx: RequestContext
    ) -> StringValue:
        return respond(",".join([request.value async for request in requests]), ctx)

    async def server(self, request: StringValue, ctx: RequestContext) -> AsyncIterator[StringValue]:
        try:
            for text in request.value.split(","):
                yield respond(text, ctx)
        finally:
            self.closed.append("server")

    async def bidi(
        self, requests: AsyncIterator[StringValue], ctx: RequestContext
    ) -> AsyncIterator[StringValue]:
        try:
            async for request in requests:
                yield respond(request.value, ctx)
        finally:
            self.closed.append("bidi")


class SyncEcho:
    def __init__(self) -> None:
        self.closed: list[str] = []

    def unary(self, request: StringValue, ctx: RequestContext) -> StringValue:
        return respond(request.value, ctx)

    def client(self, requests: Iterator[StringValue], ctx: RequestContext) -> StringValue:
        return respond(",".join(request.value for request in requests), ctx)

    def server(self, request: StringValue, ctx: RequestContext) -> Iterator[StringValue]:
        try:
            for text in request.value.split(","):
                yield respond(text, ctx)
        finally:
            self.closed.append("server")

    def bidi(self, requests: Iterator[StringValue], ctx: RequestContext) -> Iterator[StringValue]:
        try:
            for request in requests:
                yield respond(request.value, ctx)
        finally:
            self.closed.append("bidi")


class EchoASGIApplication(ASGIApplication[AsyncEcho]):
    service_name = SERVICE

    def handlers(self, service: AsyncEcho) -> Sequence[Handler]:
        return (
            Handler.unary(UNARY, service.unary),
            Handler.unary(WRITE, service.unary),
            Handler.client_stream(CLIENT, service.client),
            Handler.server_stream(SERVER, service.server),
            Handler.bidi_stream(BIDI, service.bidi),
        )


class EchoWSGIApplication(WSGIApplication[SyncEcho]):
    service_name = SERVICE

    def handlers(self, service: SyncEcho) -> Sequence[HandlerSync]:
        return (
            HandlerSync.unary(UNARY, service.unary),
            HandlerSync.unary(WRITE, service.unary),
            HandlerSync.client_stream(CLIENT, service.client),
            HandlerSync.server_stream(SERVER, service.server),
            HandlerSync.bidi_stream(BIDI, service.bidi),
        )


@dataclass
class Request:
    """A request of a test. `chunks` are the pieces in which the application gets the body."""

    path: str = f"/{SERVICE}/Unary"
    method: str = "POST"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    query: str = ""
    root: str = ""
    chunks: Sequence[bytes] | None = None


@dataclass
class Response:
    """The response that the application sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def envelopes(self) -> list[tuple[int, bytes]]:
        result, rest = [], self.body
        while rest:
            flags, size = struct.unpack(">BI", rest[:5])
            result.append((flags, rest[5 : 5 + size]))
            rest = rest[5 + size :]
        return result


def call_asgi(app: Callable[..., Any], request: Request) -> Response:
    """Send a request as an ASGI server would. After the body, `receive` waits without an end."""
    chunks = list(request.chunks if request.chunks is not None else [request.body])
    events = [
        {"type": "http.request", "body": chunk, "more_body": index + 1 < len(chunks)}
        for index, chunk in enumerate(chunks)
    ]
    sent: list[dict[str, Any]] = []
    waiting = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if events:
            return events.pop(0)
        await waiting.wait()
        return {"type": "http.disconnect"}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "method": request.method,
        "path": request.root + request.path,
        "root_path": request.root,
        "query_string": request.query.encode("latin-1"),
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in request.headers
        ],
        "client": ("127.0.0.1", 5000),
    }
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 30))
    start, *bodies = sent
    headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in start["headers"]]
    assert [event.get("more_body", False) for event in bodies] == [True] * (len(bodies) - 1) + [
        False
    ]
    return Response(start["status"], headers, b"".join(event["body"] for event in bodies))


def call_wsgi(app: Callable[..., Any], request: Request) -> Response:
    """Send a request as a WSGI server would. Chunks are sent as a body of unknown length."""
    body = request.body if request.chunks is None else b"".join(request.chunks)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": request.root,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "5000",
        "wsgi.input": io.BytesIO(body),
    }
    if request.chunks is None:
        environ["CONTENT_LENGTH"] = str(len(body))
    else:
        environ["wsgi.input_terminated"] = True
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    started: list[tuple[str, list[tuple[str, str]]]] = []
    result = app(environ, lambda status, headers: started.append((status, headers)))
    try:
        received = b"".join(result)
    finally:
        if hasattr(result, "close"):
            result.close()
    ((status, headers),) = started
    return Response(int(status.split()[0]), headers, received)


class Host:
    """One kind of host, ASGI or WSGI: a service, its application, and functions that call it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.suffix = "" if kind == "asgi" else "_sync"
        self.service: Any = AsyncEcho() if kind == "asgi" else SyncEcho()

    def application(self, **options: Any) -> Any:
        app_type = EchoASGIApplication if self.kind == "asgi" else EchoWSGIApplication
        return app_type(self.service, **options)

    def call(self, app: Any, request: Request) -> Response:
        return call_asgi(app, request) if self.kind == "asgi" else call_wsgi(app, request)

    def unary(self, text: str = "hi", *headers: tuple[str, str], **options: Any) -> Response:
        """Call the unary method in binary Protobuf, with options for the application."""
        body = StringValue(value=text).SerializeToString()
        content_type = ("content-type", "application/proto")
        request = Request(headers=[content_type, *headers], body=body)
        return self.call(self.application(**options), request)

    def stream(
        self, name: str, texts: Sequence[str], *headers: tuple[str, str], **options: Any
    ) -> Response:
        """Call a method with streams in binary Protobuf, with options for the application."""
        body = b"".join(self.envelope(text) for text in texts)
        content_type = ("content-type", "application/connect+proto")
        request = Request(f"/{SERVICE}/{name}", headers=[content_type, *headers], body=body)
        return self.call(self.application(**options), request)

    @staticmethod
    def envelope(text: str, flags: int = 0) -> bytes:
        data = StringValue(value=text).SerializeToString()
        return struct.pack(">BI", flags, len(data)) + data


@contextmanager
def _serving(program: str, name: str, stderr: IO[bytes] | None = None) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, program, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd=Path(__file__).parent / "servers",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            address = process.stdout.readline().decode()
            assert address.startswith("listening on "), "the server ended"
            yield int(address.rpartition(":")[2])
        finally:
            process.stdin.close()
            process.wait(60)


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[int]]:
    """Run one of the programs of the folder `servers` in a process, and yield its port."""
    return _serving


@pytest.fixture(params=["asgi", "wsgi"])
def host(request: pytest.FixtureRequest) -> Host:
    return Host(request.param)


@pytest.fixture(scope="session")
def make_host() -> Callable[[str], Host]:
    return Host


@pytest.fixture
def make_request() -> Callable[..., Request]:
    return Request


@pytest.fixture
def asgi_application() -> type[EchoASGIApplication]:
    return EchoASGIApplication


@pytest.fixture
def wsgi_application() -> type[EchoWSGIApplication]:
    return EchoWSGIApplication


@pytest.fixture
def methods() -> dict[str, Method[Any, Any]]:
    return {each.name: each for each in (UNARY, WRITE, CLIENT, SERVER, BIDI)}
