"""How calls use an async transport: one path for unary calls, one for streams, in every protocol.

For streams, `StreamCall` is the innermost iterator of responses, below the interceptors.
"""

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_client._async.concurrency import OpenStreams, TimeLimit, UntilClosed, Wait
from connectrpc_client._cancellation import client_closed
from connectrpc_client._context import ClientContext
from connectrpc_client._errors import error_of_later_reads
from connectrpc_client._request_stream import RequestList, Untaken
from connectrpc_client._send_again import check_may_send_again
from connectrpc_client._transports.interface import Transport, TransportResponse
from connectrpc_protocol import ConnectError
from connectrpc_protocol.call import StreamClientCall, UnaryClientCall
from connectrpc_protocol.closing import aclose_iterator
from connectrpc_protocol.deadline import remaining
from connectrpc_protocol.encoding.whole_body import WholeBody
from connectrpc_protocol.http import HttpRequest
from connectrpc_protocol.representation import representation

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


async def unary(
    transport: Transport, call: UnaryClientCall[Req, Res], request: Req, context: ClientContext
) -> Res:
    """Send one request and return the one response."""
    outgoing = call.request(request)
    with UntilClosed(context.closing):
        if context.deadline is None:
            return await _exchange(transport, call, request, outgoing, context)
        remaining(context.deadline)  # raises if the deadline has passed
        async with TimeLimit(context.deadline):
            return await _exchange(transport, call, request, outgoing, context)


async def _exchange(
    transport: Transport,
    call: UnaryClientCall[Req, Res],
    request: Req,
    outgoing: HttpRequest,
    context: ClientContext,
) -> Res:
    try:
        response = await transport.send(outgoing, None, context.deadline)
    except ConnectError as error:
        check_may_send_again(error, context)
        response = await transport.send(call.request(request), None, context.deadline)
    try:
        body = await _read_all(response, call)
    finally:
        await response.aclose()
    return call.response(response.status, response.headers, body, response.trailers)


async def _read_all(response: TransportResponse, call: UnaryClientCall[Req, Res]) -> bytes:
    body = WholeBody(call)
    chunks = response.chunks()
    try:
        async for chunk in chunks:
            body.add(chunk)
    finally:
        await aclose_iterator(chunks)
    return body.data


class StreamCall(AsyncIterator[Res], Generic[Req, Res]):
    """The responses of one call. The call begins with `open`, at the latest with `__anext__`.

    The iteration is over after the end of the stream or `aclose`. After an error or a cancelled
    read every read raises (see `error_of_later_reads`). A call never begins twice.
    """

    def __init__(
        self,
        transport: Transport,
        call: StreamClientCall[Req, Res],
        context: ClientContext,
        requests: AsyncIterator[Req],
        open_streams: OpenStreams,
    ) -> None:
        self._transport = transport
        self._call = call
        self._context = context
        self._requests = requests
        self._open_streams = open_streams
        self._response: TransportResponse | None = None
        self._untaken: Untaken[AsyncIterator[Req]] | None = None
        self._body: AsyncIterator[bytes] | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._has_begun = False
        self._wait = Wait()
        self._failure: Exception | None = None
        self._messages: Iterator[Res] = iter(())

    async def open(self) -> None:
        """Send the requests and wait for the response head."""
        self._has_begun = True
        try:
            await self._send()
        except BaseException as exc:
            self._failure = error_of_later_reads(exc)
            await self.aclose()
            raise

    async def _send(self) -> None:
        request = self._request()
        deadline = self._context.deadline
        remaining(deadline)  # raises if the deadline has passed
        with UntilClosed(self._context.closing):
            async with TimeLimit(deadline):
                try:
                    self._response = await self._transport.send(request, self._body, deadline)
                except ConnectError as error:
                    has_requests = self._take_back()
                    check_may_send_again(error, self._context, has_requests=has_requests)
                    request = self._request()
                    self._response = await self._transport.send(request, self._body, deadline)
        self._open_streams.add(self)
        self._context.check_cancelled()  # another thread may close the client
        self._call.start(self._response.status, self._response.headers)
        self._chunks = self._response.chunks()
        if self._context.on_head is not None:
            self._context.on_head()

    def _request(self) -> HttpRequest:
        """Return the HTTP request. If it does not have the whole body, `_body` is the body."""
        head = self._call.head()
        first = b""
        rest: AsyncIterator[Req] | None = self._requests
        if isinstance(self._requests, RequestList):
            first, rest = self._requests.encode_first_chunk(self._call.message)
        if rest is None:
            return head._replace(body=first)
        self._untaken = Untaken(rest)
        self._body = self._encode(first, self._untaken)
        return head

    def _take_back(self) -> bool:
        """Return whether the client has all requests, so that it can send them again."""
        untaken = self._untaken
        return untaken is None or isinstance(self._requests, RequestList) or untaken.take_back()

    async def _encode(
        self, first: bytes, untaken: Untaken[AsyncIterator[Req]]
    ) -> AsyncIterator[bytes]:
        requests = untaken.take()
        try:
            if first:
                yield first
            async for request in requests:
                yield self._call.message(request)
        finally:
            await aclose_iterator(requests)

    def __repr__(self) -> str:
        return representation(self, lambda: self._context.method.full_name)

    async def __anext__(self) -> Res:
        if not self._has_begun:
            await self.open()
        try:
            return await self._next()
        except StopAsyncIteration:
            await self.aclose()
            raise
        except BaseException as exc:
            self._failure = error_of_later_reads(exc)
            await self.aclose()
            raise

    async def _next(self) -> Res:
        chunks, response = self._chunks, self._response
        if chunks is None or response is None:
            raise self._failure or StopAsyncIteration
        deadline = self._context.deadline
        while True:
            for message in self._messages:
                return message
            with self._wait:
                if deadline is None:
                    chunk = await anext(chunks, None)
                else:
                    async with TimeLimit(deadline):
                        chunk = await anext(chunks, None)
            if chunk is None:
                self._call.end(response.trailers)
                raise StopAsyncIteration
            self._messages = self._call.feed(chunk)

    async def client_closed(self) -> None:
        """See `Stream`."""
        if self._wait.is_inside:
            self._wait.cut()
        else:
            self._failure = client_closed()
            await self.aclose()

    async def aclose(self) -> None:
        """End the call. The client does not read what the server still sends."""
        self._has_begun = True
        self._open_streams.discard(self)
        response, self._response = self._response, None
        try:
            if response is not None:
                await response.aclose()
        finally:
            body, chunks, self._body, self._chunks = self._body, self._chunks, None, None
            for iterator in (chunks, body):
                with suppress(RuntimeError):  # another task waits inside it
                    await aclose_iterator(iterator)


async def as_stream(response: Awaitable[Res]) -> AsyncIterator[Res]:
    """Yield the one response of a call."""
    yield await response


async def only_response(stream: StreamCall[Req, Res]) -> Res:
    """Return the one response of a client stream call.

    The protocol makes it an error if there is none, or a second one.
    """
    message = await anext(stream)
    async for _ in stream:
        pass
    return message
