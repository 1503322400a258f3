"""Calls over a sync transport: one unary and one stream path, whatever the protocol."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_client._cancellation import Cancellation, canceled
from connectrpc_client._open_call_state import ON_HEAD
from connectrpc_client._request_stream import Listed
from connectrpc_client._transports.interface import TransportResponseSync, TransportSync
from connectrpc_protocol import ConnectError, ContextKey, RequestContext
from connectrpc_protocol.call import StreamClientCall, UnaryClientCall
from connectrpc_protocol.closing import close_iterator
from connectrpc_protocol.deadline import check_late, remaining
from connectrpc_protocol.encoding.whole_body import WholeBody

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

CANCELLATION = ContextKey[Cancellation]("connectrpc_client.cancellation")
"""What ends the call from another thread; contexts carry it past the interceptors."""


def unary(
    transport: TransportSync, call: UnaryClientCall[Req, Res], request: Req, context: RequestContext
) -> Res:
    """One call with one request and one response."""
    outgoing = call.request(request)
    cancellation = context.get(CANCELLATION)
    check(cancellation)
    try:
        response = transport.send(outgoing, None, remaining(context.deadline), cancellation)
        try:
            body = _read_all(response, call, context.deadline, cancellation)
        finally:
            response.close()
    except ConnectError as error:
        check(cancellation)
        check_late(error, context.deadline)
        raise
    return call.response(response.status, response.headers, body, response.trailers)


def _read_all(
    response: TransportResponseSync,
    call: UnaryClientCall[Req, Res],
    deadline: float | None,
    cancellation: Cancellation | None,
) -> bytes:
    body = WholeBody(call)
    for chunk in response.chunks(remaining(deadline)):
        body.add(chunk)
        remaining(deadline)
        check(cancellation)
    return body.data


def cancellable(context: RequestContext) -> Cancellation:
    """Give a call that has not begun a cancellation of its own."""
    cancellation = Cancellation()
    context.set(CANCELLATION, cancellation)
    return cancellation


def check(cancellation: Cancellation | None) -> None:
    """Raise `canceled` where the call was. What broke because of that is no error of its own."""
    if cancellation is not None and cancellation.is_cancelled:
        raise canceled()


class StreamCallSync(Iterator[Res], Generic[Req, Res]):
    """The responses of one call. It begins with `open`, at the latest with the first `next`.

    After its end, an error or `close`, there is nothing more; it never begins twice. Once the head
    is there, `close` may be called from another thread, and before that the cancellation used: a
    wait ends with `canceled`.
    """

    def __init__(
        self,
        transport: TransportSync,
        call: StreamClientCall[Req, Res],
        context: RequestContext,
        requests: Iterator[Req],
    ) -> None:
        self._transport = transport
        self._call = call
        self._context = context
        self._requests = requests
        self._cancellation = context.get(CANCELLATION)
        self._response: TransportResponseSync | None = None
        self._body: Iterator[bytes] | None = None
        self._chunks: Iterator[bytes] | None = None
        self._has_begun = self._is_closed = False
        self._messages: Iterator[Res] = iter(())

    def open(self) -> None:
        """Send the requests and wait for the head of the answer."""
        self._has_begun = True
        try:
            self._send()
        except BaseException as exc:
            self._fail(exc)
            raise

    def _send(self) -> None:
        head = self._call.head()
        first = b""
        rest: Iterator[Req] | None = self._requests
        if isinstance(self._requests, Listed):
            first, rest = self._requests.piece(self._call.message)
        if rest is None:
            head = head._replace(body=first)
        else:
            self._body = self._encode(first, rest)
        deadline = self._context.deadline
        check(self._cancellation)
        self._response = self._transport.send(
            head, self._body, remaining(deadline), self._cancellation
        )
        self._call.start(self._response.status, self._response.headers)
        self._chunks = self._response.chunks(remaining(deadline))
        on_head = self._context.get(ON_HEAD)
        if on_head is not None:
            on_head()

    def _encode(self, first: bytes, requests: Iterator[Req]) -> Iterator[bytes]:
        try:
            if first:
                yield first
            for request in requests:
                if self._is_closed:
                    raise canceled()  # a quiet end would say that these are all
                yield self._call.message(request)
        finally:
            close_iterator(requests)

    def __next__(self) -> Res:
        if not self._has_begun:
            self.open()
        try:
            return self._next()
        except BaseException as exc:
            self._fail(exc)
            raise

    def _next(self) -> Res:
        chunks, response = self._chunks, self._response
        if chunks is None or response is None:
            raise StopIteration
        while True:
            check(self._cancellation)
            for message in self._messages:
                return message
            remaining(self._context.deadline)
            chunk = next(chunks, None)
            if chunk is None:
                self._call.end(response.trailers)
                raise StopIteration
            self._messages = self._call.feed(chunk)

    def _fail(self, exc: BaseException) -> None:
        was_closed = self._is_closed
        self.close()
        if isinstance(exc, ConnectError):
            if was_closed:
                raise canceled() from exc
            check(self._cancellation)
            check_late(exc, self._context.deadline)

    def close(self) -> None:
        """End the call. What the server still sends is not wanted."""
        self._has_begun = self._is_closed = True
        response, self._response = self._response, None
        try:
            if response is not None:
                response.close()
        finally:
            body, chunks, self._body, self._chunks = self._body, self._chunks, None, None
            for iterator in (chunks, body):
                _close_unless_running(iterator)


def _close_unless_running(iterator: Iterator[bytes] | None) -> None:
    """Another thread may wait inside it, and ends with its step.

    Closing a running generator raises `ValueError`, but in Python 3.12 it may hang.
    """
    if not getattr(iterator, "gi_running", False):
        with suppress(ValueError):
            close_iterator(iterator)


def one(response: Callable[[], Res]) -> Iterator[Res]:
    """One response as a stream of them."""
    yield response()


def only_response(stream: StreamCallSync[Req, Res]) -> Res:
    """The one response of a client stream call; the protocol refuses none and a second one."""
    message = next(stream)
    for _ in stream:
        pass
    return message
