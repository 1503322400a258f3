"""How calls use a sync transport: one path for unary calls, one for streams, in every protocol.

For streams, `StreamCallSync` is the innermost iterator of responses, below the interceptors.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from contextvars import Context, copy_context
from typing import Final, Generic, TypeVar, cast

from google.protobuf.message import Message

from connectrpc_client._cancellation import Cancellation, canceled
from connectrpc_client._context import ClientContext
from connectrpc_client._errors import error_of_later_reads
from connectrpc_client._request_stream import RequestList, Untaken
from connectrpc_client._send_again import check_may_send_again
from connectrpc_client._transports.interface import TransportResponseSync, TransportSync
from connectrpc_protocol import ConnectError
from connectrpc_protocol.call import StreamClientCall, UnaryClientCall
from connectrpc_protocol.closing import close_iterator
from connectrpc_protocol.deadline import check_late, remaining
from connectrpc_protocol.encoding.whole_body import WholeBody
from connectrpc_protocol.http import HttpRequest
from connectrpc_protocol.representation import representation

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

_END: Final = object()


def unary(
    transport: TransportSync, call: UnaryClientCall[Req, Res], request: Req, context: ClientContext
) -> Res:
    """Send one request and return the one response."""
    outgoing = call.request(request)
    context.check_cancelled()
    remaining(context.deadline)  # raises if the deadline has passed
    try:
        if context.cancellation is None:
            response, body = _exchange(transport, call, request, outgoing, context, context.closing)
        else:
            with ExitStack() as links:
                cancellation = _cancellation(context, links)
                response, body = _exchange(
                    transport, call, request, outgoing, context, cancellation
                )
    except ConnectError as error:
        _check_own_end(error, context)
        raise
    # An error that the server sent in a whole response is not the effect of a deadline that passes
    # or a cancellation that comes now.
    return call.response(response.status, response.headers, body, response.trailers)


def _exchange(
    transport: TransportSync,
    call: UnaryClientCall[Req, Res],
    request: Req,
    outgoing: HttpRequest,
    context: ClientContext,
    cancellation: Cancellation,
) -> tuple[TransportResponseSync, bytes]:
    """Return the response, which is closed, and its body."""
    closing, deadline = context.closing, context.deadline
    try:
        response = transport.send(outgoing, None, deadline, cancellation)
    except ConnectError as error:
        check_may_send_again(error, context)
        response = transport.send(call.request(request), None, deadline, cancellation)
    try:
        key = closing.add(response.close)
        try:
            return response, _read_all(response, call, context)
        finally:
            closing.remove(key)
    finally:
        response.close()


def _read_all(
    response: TransportResponseSync, call: UnaryClientCall[Req, Res], context: ClientContext
) -> bytes:
    body = WholeBody(call)
    for chunk in response.chunks(context.deadline):
        body.add(chunk)
        remaining(context.deadline)  # raises if the deadline has passed
        context.check_cancelled()
    context.check_cancelled()  # the body may have ended because the response was closed
    return body.data


def _cancellation(context: ClientContext, links: ExitStack) -> Cancellation:
    """Return what ends a call. It is linked to what else ends it, until `links` is closed."""
    if context.cancellation is None:
        return context.closing
    # The call may share its own cancellation with calls of other clients.
    both = Cancellation()
    links.enter_context(context.cancellation.calling(both.cancel))
    links.enter_context(context.closing.calling(both.cancel))
    return both


def _check_own_end(error: ConnectError, context: ClientContext) -> None:
    """Raise `canceled` or `deadline_exceeded` if that is the reason of `error`."""
    context.check_cancelled()
    check_late(error, context.deadline)


class StreamCallSync(Iterator[Res], Generic[Req, Res]):
    """The responses of one call. The call begins with `open`, at the latest with `__next__`.

    The iteration is over after the end of the stream or `close`. After an error or an interrupted
    read every read raises (see `error_of_later_reads`). A call never begins twice. Another thread
    may call `close` once the response head has arrived; before that, it may use the cancellation.
    Either ends a wait with `canceled`.
    """

    def __init__(
        self,
        transport: TransportSync,
        call: StreamClientCall[Req, Res],
        context: ClientContext,
        requests: Iterator[Req],
    ) -> None:
        self._transport = transport
        self._call = call
        self._context = context
        self._requests = requests
        self._response: TransportResponseSync | None = None
        self._links = ExitStack()
        self._untaken: Untaken[Iterator[Req]] | None = None
        self._body: Iterator[bytes] | None = None
        self._chunks: Iterator[bytes] | None = None
        self._has_begun = self._is_closed = False
        self._failure: Exception | None = None
        self._messages: Iterator[Res] = iter(())

    def open(self) -> None:
        """Send the requests and wait for the response head."""
        self._has_begun = True
        try:
            self._send()
        except BaseException as exc:
            self._fail(exc)
            raise

    def _send(self) -> None:
        request = self._request()
        deadline, links = self._context.deadline, self._links
        self._context.check_cancelled()
        remaining(deadline)  # raises if the deadline has passed
        cancellation = _cancellation(self._context, links)
        send = self._transport.send
        try:
            self._response = send(request, self._body, deadline, cancellation)
        except ConnectError as error:
            has_requests = self._take_back()
            check_may_send_again(error, self._context, has_requests=has_requests)
            request = self._request()
            self._response = send(request, self._body, deadline, cancellation)
        # This does not keep the call itself in memory.
        closing = self._context.closing
        links.callback(closing.remove, closing.add(self._response.close))
        self._call.start(self._response.status, self._response.headers)
        self._chunks = self._response.chunks(deadline)
        if self._context.on_head is not None:
            self._context.on_head()

    def _request(self) -> HttpRequest:
        """Return the HTTP request. If it does not have the whole body, `_body` is the body."""
        head = self._call.head()
        first = b""
        rest: Iterator[Req] | None = self._requests
        if isinstance(self._requests, RequestList):
            first, rest = self._requests.encode_first_chunk(self._call.message)
        if rest is None:
            return head._replace(body=first)
        self._untaken = Untaken(rest)
        self._body = self._encode(first, self._untaken, copy_context())
        return head

    def _take_back(self) -> bool:
        """Return whether the client has all requests, so that it can send them again."""
        untaken = self._untaken
        return untaken is None or isinstance(self._requests, RequestList) or untaken.take_back()

    def _encode(
        self, first: bytes, untaken: Untaken[Iterator[Req]], context: Context
    ) -> Iterator[bytes]:
        # Some HTTP libraries iterate over the body in a thread of their own. The iterator of the
        # requests always runs in a copy of the caller's context.
        run = context.run
        requests = untaken.take()
        try:
            if first:
                yield first
            while (request := run(next, requests, _END)) is not _END:
                if self._is_closed:
                    raise canceled()  # a normal end would say that the requests are complete
                yield run(self._call.message, cast("Req", request))
        finally:
            run(close_iterator, requests)

    def __repr__(self) -> str:
        return representation(self, lambda: self._context.method.full_name)

    def __next__(self) -> Res:
        if not self._has_begun:
            self.open()
        try:
            return self._next()
        except StopIteration:
            self.close()
            raise
        except BaseException as exc:
            self._fail(exc)
            raise

    def _next(self) -> Res:
        chunks, response = self._chunks, self._response
        if chunks is None or response is None:
            raise self._failure or StopIteration
        while True:
            self._context.check_cancelled()
            for message in self._messages:
                return message
            remaining(self._context.deadline)  # raises if the deadline has passed
            chunk = next(chunks, None)
            if chunk is None:
                self._call.end(response.trailers)
                raise StopIteration
            self._messages = self._call.feed(chunk)

    def _fail(self, exc: BaseException) -> None:
        if exc is self._failure:  # of an earlier read
            return
        was_closed = self._is_closed
        self._failure = error_of_later_reads(exc)
        self.close()
        if isinstance(exc, ConnectError):
            try:
                if was_closed:
                    raise canceled() from exc
                _check_own_end(exc, self._context)
            except ConnectError as error:
                self._failure = error
                raise

    def close(self) -> None:
        """End the call. The client does not read what the server still sends."""
        self._has_begun = self._is_closed = True
        response, self._response = self._response, None
        links, self._links = self._links, ExitStack()
        try:
            links.close()
            if response is not None:
                response.close()
        finally:
            body, chunks, self._body, self._chunks = self._body, self._chunks, None, None
            for iterator in (chunks, body):
                _close_unless_running(iterator)


def _close_unless_running(iterator: Iterator[bytes] | None) -> None:
    """Close the iterator, unless another thread waits inside it: then the end of that wait ends it.

    Closing a running generator usually raises `ValueError`, but in Python 3.12 it may hang.
    """
    if not getattr(iterator, "gi_running", False):
        with suppress(ValueError):
            close_iterator(iterator)


def as_stream(response: Callable[[], Res]) -> Iterator[Res]:
    """Yield the one response of a call."""
    yield response()


def only_response(stream: StreamCallSync[Req, Res]) -> Res:
    """Return the one response of a client stream call.

    The protocol makes it an error if there is none, or a second one.
    """
    message = next(stream)
    for _ in stream:
        pass
    return message
