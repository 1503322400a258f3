"""Calls over an async transport: one unary and one stream path, whatever the protocol."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_client._async.concurrency import TimeLimit
from connectrpc_client._open_call_state import ON_HEAD
from connectrpc_client._request_stream import Listed
from connectrpc_client._transports.interface import Transport, TransportResponse
from connectrpc_protocol import RequestContext
from connectrpc_protocol.call import StreamClientCall, UnaryClientCall
from connectrpc_protocol.closing import aclose_iterator
from connectrpc_protocol.deadline import remaining
from connectrpc_protocol.encoding.whole_body import WholeBody
from connectrpc_protocol.http import HttpRequest

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


async def unary(
    transport: Transport, call: UnaryClientCall[Req, Res], request: Req, context: RequestContext
) -> Res:
    """One call with one request and one response."""
    outgoing = call.request(request)
    if context.deadline is None:
        return await _exchange(transport, call, outgoing, None)
    seconds = remaining(context.deadline)
    async with TimeLimit(context.deadline):
        return await _exchange(transport, call, outgoing, seconds)


async def _exchange(
    transport: Transport,
    call: UnaryClientCall[Req, Res],
    outgoing: HttpRequest,
    timeout: float | None,
) -> Res:
    response = await transport.send(outgoing, None, timeout)
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
    """The responses of one call. It begins with `open`, at the latest with the first `anext`.

    After its end, an error or `aclose`, there is nothing more; it never begins twice.
    """

    def __init__(
        self,
        transport: Transport,
        call: StreamClientCall[Req, Res],
        context: RequestContext,
        requests: AsyncIterator[Req],
    ) -> None:
        self._transport = transport
        self._call = call
        self._context = context
        self._requests = requests
        self._response: TransportResponse | None = None
        self._body: AsyncIterator[bytes] | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._has_begun = False
        self._messages: Iterator[Res] = iter(())

    async def open(self) -> None:
        """Send the requests and wait for the head of the answer."""
        self._has_begun = True
        try:
            await self._send()
        except BaseException:
            await self.aclose()
            raise

    async def _send(self) -> None:
        head = self._call.head()
        first = b""
        rest: AsyncIterator[Req] | None = self._requests
        if isinstance(self._requests, Listed):
            first, rest = self._requests.piece(self._call.message)
        if rest is None:
            head = head._replace(body=first)
        else:
            self._body = _encode(self._call, first, rest)
        seconds = remaining(self._context.deadline)
        async with TimeLimit(self._context.deadline):
            self._response = await self._transport.send(head, self._body, seconds)
        self._call.start(self._response.status, self._response.headers)
        self._chunks = self._response.chunks()
        on_head = self._context.get(ON_HEAD)
        if on_head is not None:
            on_head()

    async def __anext__(self) -> Res:
        if not self._has_begun:
            await self.open()
        try:
            return await self._next()
        except BaseException:
            await self.aclose()
            raise

    async def _next(self) -> Res:
        chunks, response = self._chunks, self._response
        if chunks is None or response is None:
            raise StopAsyncIteration
        while True:
            for message in self._messages:
                return message
            async with TimeLimit(self._context.deadline):
                chunk = await anext(chunks, None)
            if chunk is None:
                self._call.end(response.trailers)
                raise StopAsyncIteration
            self._messages = self._call.feed(chunk)

    async def aclose(self) -> None:
        """End the call. What the server still sends is not wanted."""
        self._has_begun = True
        response, self._response = self._response, None
        try:
            if response is not None:
                await response.aclose()
        finally:
            body, chunks, self._body, self._chunks = self._body, self._chunks, None, None
            for iterator in (chunks, body):
                with suppress(RuntimeError):  # another task waits inside it
                    await aclose_iterator(iterator)


async def one(response: Awaitable[Res]) -> AsyncIterator[Res]:
    """One response as a stream of them."""
    yield await response


async def only_response(stream: StreamCall[Req, Res]) -> Res:
    """The one response of a client stream call; the protocol refuses none and a second one."""
    message = await anext(stream)
    async for _ in stream:
        pass
    return message


async def _encode(
    call: StreamClientCall[Req, Res], first: bytes, requests: AsyncIterator[Req]
) -> AsyncIterator[bytes]:
    try:
        if first:
            yield first
        async for request in requests:
            yield call.message(request)
    finally:
        await aclose_iterator(requests)
