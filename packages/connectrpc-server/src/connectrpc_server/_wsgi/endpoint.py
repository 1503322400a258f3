"""The endpoints of a WSGI application: one for unary calls, one for calls with streams."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import RequestContext
from connectrpc_protocol.call import StreamServerCall, UnaryServerCall
from connectrpc_protocol.closing import close_iterator
from connectrpc_protocol.deadline import remaining
from connectrpc_protocol.errors import as_connect_error
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.interceptors.chain import InterceptorChainSync
from connectrpc_protocol.server import ServerMethod
from connectrpc_server._errors import ClientDisconnected
from connectrpc_server._logging import log_unexpected
from connectrpc_server._wsgi.request import WsgiRequest, accept
from connectrpc_server._wsgi.response import StreamResponse, respond
from connectrpc_server._wsgi.types import Environ, StartResponse

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

StreamFunction: TypeAlias = Callable[[Iterator[Req], RequestContext], Iterator[Res]]
"""A function that begins a call with streams, and returns its responses."""


class UnaryEndpoint(Generic[Req, Res]):
    """Handles the requests for a unary method."""

    __slots__ = ("_chain", "_function", "_method")

    def __init__(
        self,
        method: ServerMethod[UnaryServerCall[Req, Res]],
        function: Callable[[Req, RequestContext], Res],
        chain: InterceptorChainSync,
    ) -> None:
        self._method = method
        self._function = function
        self._chain = chain

    def handle(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        call = accept(self._method, environ)
        if isinstance(call, HttpResponse):
            return respond(call, WsgiRequest(environ, start_response))
        request = WsgiRequest(environ, start_response, call.context.deadline)
        try:
            with self._chain.around(call.context):
                encoded = self._run(call, request)
            response = call.response(encoded)
        except Exception as exc:
            log_unexpected(exc, call.context)
            response = call.failure(exc)
        return respond(response, request)

    def _run(self, call: UnaryServerCall[Req, Res], request: WsgiRequest) -> bytes:
        """Run the steps of a unary call, and return the bytes of its response."""
        deadline = call.context.deadline
        body = request.read_all(call) if call.has_body else b""
        remaining(deadline)
        message = self._function(call.request(body), call.context)
        remaining(deadline)
        return call.encode(message)


class StreamEndpoint(Generic[Req, Res]):
    """Handles the requests for a method with a stream in at least one direction.

    `function` begins a call and returns its responses.
    """

    __slots__ = ("_chain", "_function", "_method")

    def __init__(
        self,
        method: ServerMethod[StreamServerCall[Req, Res]],
        function: StreamFunction[Req, Res],
        chain: InterceptorChainSync,
    ) -> None:
        self._method = method
        self._function = function
        self._chain = chain

    def handle(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        call = accept(self._method, environ)
        if isinstance(call, HttpResponse):
            return respond(call, WsgiRequest(environ, start_response))
        request = WsgiRequest(environ, start_response, call.context.deadline)
        body = self._run_with_interceptors(call, request, StreamResponse(call, request))
        # Some servers take the head before they ask for the first chunk; see `server_quirks`.
        try:
            next(body)
        except StopIteration as done:
            whole: Iterable[bytes] = done.value
            return whole
        return body

    def _run(
        self, call: StreamServerCall[Req, Res], request: WsgiRequest
    ) -> Generator[bytes, None, None]:
        """Run the steps of a call with streams, and yield its body without the end."""
        deadline = call.context.deadline
        remaining(deadline)
        responses = self._function(_requests(call, request), call.context)
        try:
            for message in responses:
                remaining(deadline)
                yield call.message(message)
            remaining(deadline)
        finally:
            close_iterator(responses)

    def _run_with_interceptors(
        self,
        call: StreamServerCall[Req, Res],
        request: WsgiRequest,
        response: StreamResponse[Req, Res],
    ) -> Generator[bytes, None, Iterable[bytes]]:
        """Run a call with its metadata interceptors around it.

        Yields `b""` once the head has been sent, then the body. Without messages, it does not yield
        anything and returns the whole response.
        """
        is_closed = False
        error: Exception | None = None
        try:
            with self._chain.around(call.context), closing(self._run(call, request)) as messages:
                try:
                    for data in messages:
                        if not response.has_started:
                            response.start()
                            yield b""
                        yield data
                except GeneratorExit:
                    # The server closes a body when the client disconnects (PEP 3333, "close()").
                    is_closed = True
                    raise ClientDisconnected from None
        except Exception as exc:
            log_unexpected(exc, call.context)
            is_disconnected = isinstance(as_connect_error(exc), ClientDisconnected)
            if is_closed or (response.has_started and is_disconnected):
                return ()
            error = exc
        if not response.has_started:
            return response.whole(error)
        yield from response.end(error)
        return ()


def _requests(call: StreamServerCall[Req, Res], request: WsgiRequest) -> Generator[Req, None, None]:
    # A read blocks until all of its bytes have arrived, so it asks for one message at most.
    while chunk := request.read(call.wanted):
        try:
            yield from call.feed(chunk)
        finally:
            request.promised = call.wanted
    call.feed_end()
