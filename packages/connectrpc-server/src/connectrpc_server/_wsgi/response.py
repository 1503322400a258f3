"""Sending responses over WSGI: a whole response, and a stream of messages."""

from collections.abc import Generator, Iterable
from http import HTTPStatus
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import Code, RawHeaders
from connectrpc_protocol.call import StreamServerCall
from connectrpc_protocol.http import NOT_FOUND, End, Head, HttpResponse
from connectrpc_protocol.server import refuse_unknown_method
from connectrpc_server._wsgi import server_quirks
from connectrpc_server._wsgi.request import WsgiRequest, request_headers
from connectrpc_server._wsgi.types import Environ, StartResponse

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

# The HTTP status of cancelled Connect calls is not registered, so `HTTPStatus` does not have it.
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {
    Code.CANCELED.http_status: "Client Closed Request"
}


def respond(response: HttpResponse, request: WsgiRequest) -> Iterable[bytes]:
    """Send a whole response, then drain the request.

    Returns a list of one chunk if the request does not have to be drained. `server_quirks` says
    which server needs such a list.
    """
    if response.trailers is not None and not request.has_trailers:
        response = response.without_trailers()
    _start(response, request)
    if request.is_drained and response.trailers is None:
        return [response.body]
    return _finish(End(response.body, response.trailers), request)


def respond_not_found(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Respond to a request whose path leads to no method."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    refusal = refuse_unknown_method(environ["REQUEST_METHOD"], request_headers(environ), path)
    return respond(refusal or NOT_FOUND, WsgiRequest(environ, start_response))


class StreamResponse(Generic[Req, Res]):
    """Sends the messages of a call and their end. The head is sent before the first of them."""

    __slots__ = ("_call", "_request", "has_started")

    def __init__(self, call: StreamServerCall[Req, Res], request: WsgiRequest) -> None:
        self._call = call
        self._request = request
        self.has_started = False

    def start(self) -> None:
        """Send the head."""
        self.has_started = True
        _start(self._call.head(), self._request)

    def end(self, error: Exception | None) -> Generator[bytes, None, None]:
        """Send the end of a response that was started, then drain the request."""
        yield from _finish(self._call.end(error), self._request)

    def whole(self, error: Exception | None) -> Iterable[bytes]:
        """Send a response without messages."""
        if error is not None:
            return respond(self._call.failure(error), self._request)
        head, end = self._call.head(), self._call.end()
        response = HttpResponse(head.status, head.headers, end.body, end.trailers)
        return respond(response, self._request)


def _start(head: Head | HttpResponse, request: WsgiRequest) -> None:
    request.start_response(f"{head.status} {_REASONS[head.status]}", _text(head.headers))


def _finish(end: End, request: WsgiRequest) -> Generator[bytes, None, None]:
    if end.body or end.trailers is None:
        yield end.body
    if end.trailers is not None:
        server_quirks.send_trailers(request.environ, _text(end.trailers))
    request.drain()


def _text(headers: RawHeaders) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
