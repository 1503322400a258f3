"""Calls over WSGI: one unary and one stream path, whatever the protocol."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import RawHeaders, RequestContext
from connectrpc_protocol.call import StreamServerCall, UnaryServerCall
from connectrpc_protocol.closing import close_iterator
from connectrpc_protocol.deadline import remaining
from connectrpc_protocol.encoding.whole_body import WholeBody
from connectrpc_protocol.http import End, Head, HttpResponse
from connectrpc_protocol.interceptors.chain import InterceptorChainSync
from connectrpc_protocol.server import ServerMethod
from connectrpc_server._asgi.types import SEND_TRAILERS, Environ, StartResponse
from connectrpc_server._errors import WSGI_SERVERS, AnyCall, ClientDisconnected, no_trailers
from connectrpc_server._logging import log_unexpected
from connectrpc_server._wsgi.request import Body

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Call = TypeVar("Call", bound=AnyCall)

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
            return respond(call, environ, start_response)
        deadline = call.context.deadline
        body = Body(environ, deadline)
        try:
            with self._chain.around(call.context):
                data = _read_body(body, call) if call.has_body else b""
                remaining(deadline)
                message = self._function(call.request(data), call.context)
                remaining(deadline)
                encoded = call.encode(message)
            response = call.response(encoded)
        except Exception as exc:
            log_unexpected(exc, call.context)
            response = call.failure(exc)
        return respond(response, environ, start_response, body)


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
            return respond(call, environ, start_response)
        answer = self._answer(call, environ, start_response)
        # Granian takes the status and the headers before it iterates.
        try:
            next(answer)
        except StopIteration as done:
            whole: Iterable[bytes] = done.value
            return whole
        return answer

    def _answer(
        self, call: StreamServerCall[Req, Res], environ: Environ, start_response: StartResponse
    ) -> Generator[bytes, None, Iterable[bytes]]:
        """Nothing when the head of the answer is known, then the body.

        An answer without messages is returned instead, as a whole.
        """
        body = Body(environ, call.context.deadline)
        is_started = is_closed = False
        error: Exception | None = None
        try:
            with self._chain.around(call.context), closing(self._stream(call, body)) as stream:
                try:
                    for data in stream:
                        if not is_started:
                            is_started = True
                            _start(call.head(), start_response)
                            yield b""
                        yield data
                except GeneratorExit:
                    # The server closes an answer that nobody reads (PEP 3333, "close()").
                    is_closed = True
                    raise ClientDisconnected from None
        except Exception as exc:
            log_unexpected(exc, call.context)
            if is_closed or (is_started and isinstance(exc, ClientDisconnected)):
                return ()
            error = exc
        if not is_started:
            return respond(_whole(call, error), environ, start_response, body)
        yield from _finish(call.end(error), environ, body)
        return ()

    def _stream(self, call: StreamServerCall[Req, Res], body: Body) -> Generator[bytes, None, None]:
        deadline = call.context.deadline
        remaining(deadline)
        responses = self._function(_requests(call, body), call.context)
        try:
            for message in responses:
                remaining(deadline)
                yield call.message(message)
            remaining(deadline)
        finally:
            close_iterator(responses)


def accept(method: ServerMethod[Call], environ: Environ) -> Call | HttpResponse:
    """Begin the call of a request, or refuse it."""
    peer, port = environ.get("REMOTE_ADDR"), str(environ.get("REMOTE_PORT"))  # or a number
    call = method.accept(
        environ["REQUEST_METHOD"],
        _headers(environ),
        environ.get("QUERY_STRING", "").encode("latin-1"),
        (peer, int(port) if port.isdecimal() else 0) if peer else None,
    )
    if isinstance(call, HttpResponse) or not call.needs_trailers or SEND_TRAILERS in environ:
        return call
    version = environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/")
    return no_trailers(call, version, WSGI_SERVERS)


def respond(
    response: HttpResponse,
    environ: Environ,
    start_response: StartResponse,
    body: Body | None = None,
) -> Iterable[bytes]:
    """Send a whole answer, then read what is left of the request's body.

    Where possible it is a list of one chunk: pyvoy ends the answer with that chunk, and later where
    it has to iterate. A client that breaks off its request upon an error, as connect-go does, makes
    it shorter than its content-length, and Envoy resets a stream for that (RFC 9114, section 4.1.2)
    unless the answer has ended.
    """
    if response.trailers is not None and SEND_TRAILERS not in environ:
        response = response.without_trailers()
    _start(response, start_response)
    body = body or Body(environ)
    if body.is_read and response.trailers is None:
        return [response.body]
    return _finish(End(response.body, response.trailers), environ, body)


def _whole(call: StreamServerCall[Req, Res], error: Exception | None) -> HttpResponse:
    """An answer without a message."""
    if error is not None:
        return call.failure(error)
    head, end = call.head(), call.end()
    return HttpResponse(head.status, head.headers, end.body, end.trailers)


def _finish(end: End, environ: Environ, body: Body) -> Generator[bytes, None, None]:
    if end.body or end.trailers is None:
        yield end.body
    if end.trailers is not None:
        environ[SEND_TRAILERS](_text(end.trailers))
    body.drain()


def _start(head: Head | HttpResponse, start_response: StartResponse) -> None:
    start_response(f"{head.status} {_REASONS[head.status]}", _text(head.headers))


def _text(headers: RawHeaders) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


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


def _read_body(body: Body, call: UnaryServerCall[Req, Res]) -> bytes:
    limit = call.read_limit
    if limit is not None and body.left is not None and body.left > limit:
        raise call.too_large()
    whole = WholeBody(call)
    while chunk := body.read():
        whole.add(chunk)
    return whole.data


def _requests(call: StreamServerCall[Req, Res], body: Body) -> Generator[Req, None, None]:
    # Reads block until they are served in full, so they ask for no more than one message.
    while chunk := body.read(call.wanted):
        yield from call.feed(chunk)
    call.feed_end()
