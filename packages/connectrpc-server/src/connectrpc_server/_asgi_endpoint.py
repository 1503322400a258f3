"""Calls over ASGI: one unary and one stream path, whatever the protocol."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import RequestContext, too_large
from connectrpc_protocol.call import StreamServerCall, UnaryServerCall
from connectrpc_protocol.chain import InterceptorChain, aclose_iterator
from connectrpc_protocol.deadline import remaining
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.server import ServerMethod
from connectrpc_server._asyncio import (
    CallScope,
    Resumed,
    as_coroutine_function,
    checkpoint,
)
from connectrpc_server._disconnect import ClientDisconnected
from connectrpc_server._log import log_unexpected
from connectrpc_server._trailers import no_trailers
from connectrpc_server._types import Event, Receive, Scope, Send

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

_MESSAGES_BETWEEN_CHECKPOINTS = 16


class Endpoint(Protocol):
    """What answers the requests for one method."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class UnaryEndpoint(Generic[Req, Res]):
    """Answers the requests for a unary method."""

    __slots__ = ("_chain", "_function", "_is_observed", "_method")

    def __init__(
        self,
        method: ServerMethod[UnaryServerCall[Req, Res]],
        function: Callable[[Req, RequestContext], Awaitable[Res]],
        chain: InterceptorChain,
    ) -> None:
        self._method = method
        self._function = as_coroutine_function(chain.unary(function))
        self._chain = chain
        self._is_observed = bool(chain.metadata)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = self._method.accept(
            scope["method"], scope["headers"], scope["query_string"], scope.get("client")
        )
        if isinstance(call, HttpResponse):
            await respond(call, send)
            return
        if call.needs_trailers and not _has_trailers(scope):
            await respond(call.failure(no_trailers(call.context)), send)
            return
        try:
            if self._is_observed or call.context.deadline is not None:
                body = await self._supervise(call, receive)
            else:
                body = call.encode(await self._invoke(call, receive))
            response = call.response(body)
        except Exception as exc:
            log_unexpected(exc, call.context)
            response = call.failure(exc)
        await respond(response, send)

    async def _supervise(self, call: UnaryServerCall[Req, Res], receive: Receive) -> bytes:
        context = call.context
        async with self._chain.around(context), CallScope(context.deadline):
            remaining(context.deadline)
            message = await self._invoke(call, receive)
            remaining(context.deadline)
            return call.encode(message)

    async def _invoke(self, call: UnaryServerCall[Req, Res], receive: Receive) -> Res:
        body = b""
        if call.has_body:
            event = await receive()
            if event["type"] == "http.request" and not event.get("more_body", False):
                body = event.get("body", b"")
            else:
                body = await _read_body(event, receive, call.read_limit)
        coroutine = self._function(call.request(body), call.context)
        try:
            first = coroutine.send(None)
        except StopIteration as done:
            result: Res = done.value
            return result
        async with CallScope(None) as scope:
            scope.watch(partial(_disconnected, receive))
            return await Resumed(coroutine, first)


class StreamEndpoint(Generic[Req, Res]):
    """Answers the requests for a method with a stream in at least one direction.

    `function` begins to answer a call and returns the responses.
    """

    __slots__ = ("_chain", "_function", "_method")

    def __init__(
        self,
        method: ServerMethod[StreamServerCall[Req, Res]],
        function: Callable[[AsyncIterator[Req], RequestContext], Awaitable[AsyncIterator[Res]]],
        chain: InterceptorChain,
    ) -> None:
        self._method = method
        self._function = function
        self._chain = chain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = self._method.accept(
            scope["method"], scope["headers"], scope["query_string"], scope.get("client")
        )
        if isinstance(call, HttpResponse):
            await respond(call, send)
            return
        if call.needs_trailers and not _has_trailers(scope):
            await respond(call.failure(no_trailers(call.context)), send)
            return
        writer = _Writer(call, send)
        error: Exception | None = None
        try:
            deadline = call.context.deadline
            async with self._chain.around(call.context), CallScope(deadline) as calls:
                remaining(deadline)
                await self._stream(call, _Requests(call, receive, calls), writer)
                remaining(deadline)
        except Exception as exc:
            log_unexpected(exc, call.context)
            error = exc
        await writer.end(error)

    async def _stream(
        self,
        call: StreamServerCall[Req, Res],
        requests: AsyncIterator[Req],
        writer: "_Writer[Req, Res]",
    ) -> None:
        responses = await self._function(requests, call.context)
        try:
            count = 0
            async for message in responses:
                await writer.message(message)
                count += 1
                if count % _MESSAGES_BETWEEN_CHECKPOINTS == 0:
                    # A handler and a server that never suspend would starve the watcher.
                    await checkpoint()
        finally:
            await aclose_iterator(responses)


class _Requests(AsyncIterator[Req], Generic[Req, Res]):
    """The requests of one call, read as they are asked for.

    Once the body has ended, the client is watched. After an error there is nothing more.
    """

    __slots__ = ("_call", "_ends", "_messages", "_receive", "_scope")

    def __init__(
        self, call: StreamServerCall[Req, Res], receive: Receive, scope: CallScope
    ) -> None:
        self._call = call
        self._receive = receive
        self._scope = scope
        self._messages: Iterator[Req] = iter(())
        self._ends = False

    async def __anext__(self) -> Req:
        try:
            while True:
                for message in self._messages:
                    return message
                if self._ends:
                    break
                self._messages = await self._read()
        except BaseException:
            self._ends = True
            raise
        raise StopAsyncIteration

    async def _read(self) -> Iterator[Req]:
        event = await self._receive()
        _check_connected(event)
        if event.get("more_body", False):
            return self._call.feed(event.get("body", b""))
        self._ends = True
        self._scope.watch(partial(_disconnected, self._receive))
        return self._last(event.get("body", b""))

    def _last(self, chunk: bytes) -> Iterator[Req]:
        yield from self._call.feed(chunk)
        self._call.feed_end()


class _Writer(Generic[Req, Res]):
    """Sends the head once, before what comes first."""

    __slots__ = ("_call", "_send", "_started")

    def __init__(self, call: StreamServerCall[Req, Res], send: Send) -> None:
        self._call = call
        self._send = send
        self._started = False

    async def message(self, message: Res) -> None:
        body = self._call.message(message)
        try:
            await self._head()
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
        except OSError:
            # How servers may say that the client is gone (ASGI, "Disconnected Client").
            raise ClientDisconnected from None

    async def end(self, error: Exception | None) -> None:
        if error is not None and not self._started:
            await respond(self._call.failure(error), self._send)
            return
        end = self._call.end(error)
        with suppress(OSError):
            await self._head()
            await self._send({"type": "http.response.body", "body": end.body})
            if end.trailers is not None:
                await self._send({"type": "http.response.trailers", "headers": end.trailers})

    async def _head(self) -> None:
        if not self._started:
            self._started = True
            head = self._call.head()
            await self._send(
                {
                    "type": "http.response.start",
                    "status": head.status,
                    "headers": head.headers,
                    "trailers": head.has_trailers,
                }
            )


async def respond(response: HttpResponse, send: Send) -> None:
    """Send a whole answer, unless the client is gone (ASGI, "Disconnected Client")."""
    trailers = response.trailers
    try:
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": response.headers,
                "trailers": trailers is not None,
            }
        )
        await send({"type": "http.response.body", "body": response.body})
        if trailers is not None:
            await send({"type": "http.response.trailers", "headers": trailers})
    except OSError:
        pass


def _has_trailers(scope: Scope) -> bool:
    """Whether the server sends HTTP trailers (ASGI, "HTTP Trailers")."""
    return "http.response.trailers" in (scope.get("extensions") or ())


async def _read_body(event: Event, receive: Receive, limit: int | None) -> bytes:
    """The body of a request that is longer than its first event."""
    chunks: list[bytes] = []
    size = 0
    while True:
        _check_connected(event)
        chunk: bytes = event.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if limit is not None and size > limit:
            raise too_large(limit)
        if not event.get("more_body", False):
            return b"".join(chunks)
        event = await receive()


def _check_connected(event: Event) -> None:
    if event["type"] == "http.disconnect":
        raise ClientDisconnected


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
