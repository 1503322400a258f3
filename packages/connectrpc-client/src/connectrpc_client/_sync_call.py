"""Calls over a sync transport: one unary and one stream path, whatever the protocol."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_client._transport import TransportResponseSync, TransportSync
from connectrpc_protocol import Code, ConnectError, RequestContext, too_large
from connectrpc_protocol.call import StreamClientCall, UnaryClientCall
from connectrpc_protocol.deadline import remaining

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


def unary(
    transport: TransportSync, call: UnaryClientCall[Req, Res], request: Req, context: RequestContext
) -> Res:
    """One call with one request and one response."""
    response = transport.send(call.request(request), None, remaining(context.deadline))
    try:
        body = _read_all(response, call.read_limit, context.deadline)
    finally:
        response.close()
    return call.response(response.status, response.headers, body, response.trailers)


def _read_all(response: TransportResponseSync, limit: int | None, deadline: float | None) -> bytes:
    chunks: list[bytes] = []
    size = 0
    for chunk in response.chunks(remaining(deadline)):
        chunks.append(chunk)
        size += len(chunk)
        if limit is not None and size > limit:
            raise too_large(limit)
        remaining(deadline)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class StreamCallSync(Iterator[Res], Generic[Req, Res]):
    """The responses of one call. It begins with `open`, at the latest with the first `next`.

    After its end, an error or `close`, there is nothing more; it never begins twice. `close` may be
    called from another thread: a `next` that waits there ends with `canceled`.
    """

    def __init__(
        self,
        transport: TransportSync,
        call: StreamClientCall[Req, Res],
        context: RequestContext,
        requests: Req | Iterator[Req],
    ) -> None:
        self._transport = transport
        self._call = call
        self._context = context
        self._requests = requests
        self._response: TransportResponseSync | None = None
        self._chunks: Iterator[bytes] | None = None
        self._has_begun = self._is_closed = False
        self._messages: Iterator[Res] = iter(())

    def open(self) -> None:
        """Send the requests and wait for the head of the answer."""
        self._has_begun = True
        try:
            self._send()
        except BaseException:
            self.close()
            raise

    def _send(self) -> None:
        head = self._call.head()
        body: Iterator[bytes] | None = None
        if isinstance(self._requests, Message):
            head = head._replace(body=self._call.message(self._requests))
        else:
            body = (self._call.message(request) for request in self._requests)
        deadline = self._context.deadline
        self._response = self._transport.send(head, body, remaining(deadline))
        self._call.start(self._response.status, self._response.headers)
        self._chunks = self._response.chunks(remaining(deadline))

    def __next__(self) -> Res:
        if not self._has_begun:
            self.open()
        try:
            return self._next()
        except ConnectError as exc:
            if self._is_closed:
                raise ConnectError(Code.CANCELED, "the call was closed") from exc
            self.close()
            raise
        except BaseException:
            self.close()
            raise

    def _next(self) -> Res:
        chunks, response = self._chunks, self._response
        if chunks is None or response is None:
            raise StopIteration
        while True:
            for message in self._messages:
                return message
            remaining(self._context.deadline)
            chunk = next(chunks, None)
            if chunk is None:
                self._call.end(response.trailers)
                raise StopIteration
            self._messages = self._call.feed(chunk)

    def close(self) -> None:
        """End the call. What the server still sends is not wanted."""
        self._has_begun = self._is_closed = True
        response, self._response = self._response, None
        if response is not None:
            response.close()


def only_response(stream: StreamCallSync[Req, Res]) -> Res:
    """The one response of a client stream call; the protocol refuses none and a second one."""
    message = next(stream)
    for _ in stream:
        pass
    return message
