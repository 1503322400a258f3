"""Calls over WSGI: one unary and one stream path, whatever the protocol."""

from collections.abc import Callable, Generator, Iterable, Iterator
from http import HTTPStatus
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import Code, ConnectError, RawHeaders, RequestContext, too_large
from connectrpc_protocol.call import StreamServerCall, UnaryServerCall
from connectrpc_protocol.chain import InterceptorChainSync
from connectrpc_protocol.deadline import remaining
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.server import ServerMethod
from connectrpc_server._log import log_unexpected
from connectrpc_server._types import Environ, StartResponse

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

_CHUNK = 64 * 1024
# 499 is the status of cancelled Connect calls, known to no registry.
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request"}


class Endpoint(Protocol):
    """What answers the requests for one method."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]: ...


class UnaryEndpoint(Generic[Req, Res]):
    """Answers the requests for a unary method."""

    __slots__ = ("_chain", "_function", "_method")

    def __init__(
        self,
        method: ServerMethod[UnaryServerCall[Req, Res]],
        function: Callable[[Req, RequestContext], Res],
        chain: InterceptorChainSync,
    ) -> None:
        self._method = method
        self._function = chain.unary(function)
        self._chain = chain

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        call = accept(self._method, environ)
        if isinstance(call, HttpResponse):
            return respond(call, start_response)
        try:
            with self._chain.around(call.context):
                body = _read_body(environ, call.read_limit) if call.has_body else b""
                message = self._function(call.request(body), call.context)
                remaining(call.context.deadline)
            response = call.response(message)
        except Exception as exc:
            log_unexpected(exc, call.context)
            response = call.failure(exc)
        return respond(response, start_response)


class StreamEndpoint(Generic[Req, Res]):
    """Answers the requests for a method with a stream in at least one direction.

    `function` begins to answer a call and returns the responses.
    """

    __slots__ = ("_chain", "_function", "_method")

    def __init__(
        self,
        method: ServerMethod[StreamServerCall[Req, Res]],
        function: Callable[[Iterator[Req], RequestContext], Iterator[Res]],
        chain: InterceptorChainSync,
    ) -> None:
        self._method = method
        self._function = function
        self._chain = chain

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        call = accept(self._method, environ)
        if isinstance(call, HttpResponse):
            return respond(call, start_response)
        return self._answer(call, environ, start_response)

    def _answer(
        self,
        call: StreamServerCall[Req, Res],
        environ: Environ,
        start_response: StartResponse,
    ) -> Generator[bytes, None, None]:
        is_started = False
        error: Exception | None = None
        try:
            with self._chain.around(call.context):
                for body in self._stream(call, environ):
                    if not is_started:
                        is_started = True
                        _start(call, start_response)
                    yield body
        except Exception as exc:
            log_unexpected(exc, call.context)
            error = exc
        end = call.end(error)
        if not is_started:
            _start(call, start_response)
        yield end.body

    def _stream(
        self, call: StreamServerCall[Req, Res], environ: Environ
    ) -> Generator[bytes, None, None]:
        deadline = call.context.deadline
        responses = self._function(_requests(call, environ), call.context)
        try:
            for message in responses:
                remaining(deadline)
                yield call.message(message)
            remaining(deadline)
        finally:
            if isinstance(responses, Generator):
                responses.close()


Call_co = TypeVar("Call_co", covariant=True)


def accept(method: ServerMethod[Call_co], environ: Environ) -> Call_co | HttpResponse:
    """Begin the call of a request, or refuse it."""
    peer = environ.get("REMOTE_ADDR")
    return method.accept(
        environ["REQUEST_METHOD"],
        _headers(environ),
        environ.get("QUERY_STRING", "").encode("latin-1"),
        (peer, int(environ.get("REMOTE_PORT") or 0)) if peer else None,
    )


def respond(response: HttpResponse, start_response: StartResponse) -> Iterable[bytes]:
    """Send a whole answer."""
    _start_response(response.status, response.headers, start_response)
    return [response.body]


def _start(call: StreamServerCall[Req, Res], start_response: StartResponse) -> None:
    head = call.head()
    _start_response(head.status, head.headers, start_response)


def _start_response(status: int, headers: RawHeaders, start_response: StartResponse) -> None:
    start_response(
        f"{status} {_REASONS[status]}",
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers],
    )


def _headers(environ: Environ) -> list[tuple[bytes, bytes]]:
    """The request headers. Two of them have keys of their own (PEP 3333, "environ Variables")."""
    headers = [
        (key[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1"))
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    for key, name in (("CONTENT_TYPE", b"content-type"), ("CONTENT_LENGTH", b"content-length")):
        value = environ.get(key)
        if value:
            headers.append((name, value.encode("latin-1")))
    return headers


def _length(environ: Environ) -> int | None:
    """How many bytes of body may be read; `None` where the server ends the body itself."""
    length = environ.get("CONTENT_LENGTH")
    if length:
        try:
            return max(0, int(length))
        except ValueError:
            raise ConnectError(Code.INVALID_ARGUMENT, "invalid content-length") from None
    return None if environ.get("wsgi.input_terminated") else 0


def _read_body(environ: Environ, limit: int | None) -> bytes:
    length = _length(environ)
    if limit is not None and length is not None and length > limit:
        raise too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while length is None or size < length:
        wanted = _CHUNK if length is None else min(_CHUNK, length - size)
        chunk = _read(environ, wanted)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
        if limit is not None and size > limit:
            raise too_large(limit)
    if length is not None and size < length:
        raise _truncated()
    return b"".join(chunks)


def _requests(call: StreamServerCall[Req, Res], environ: Environ) -> Generator[Req, None, None]:
    left = _length(environ)
    while left is None or left > 0:
        # Reads block until they are served in full, so they ask for no more than one message.
        wanted = min(_CHUNK, call.wanted)
        chunk = _read(environ, wanted if left is None else min(wanted, left))
        if not chunk:
            break
        if left is not None:
            left -= len(chunk)
        yield from call.feed(chunk)
    if left:
        raise _truncated()
    call.feed_end()


def _read(environ: Environ, size: int) -> bytes:
    try:
        chunk: bytes = environ["wsgi.input"].read(size)
    except (OSError, ValueError):
        # What servers raise for a client that went away or broke the framing of its body.
        raise _truncated() from None
    return chunk


def _truncated() -> ConnectError:
    return ConnectError(Code.INVALID_ARGUMENT, "the request body ended early")
