"""Calls over ASGI: one unary and one stream path, whatever the protocol."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from functools import partial
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import RequestContext
from connectrpc_protocol.call import StreamServerCall, UnaryServerCall
from connectrpc_protocol.closing import aclose_iterator
from connectrpc_protocol.deadline import remaining
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.interceptors.chain import InterceptorChain
from connectrpc_protocol.server import ServerMethod
from connectrpc_server._asgi.cancel_scope import (
    CallScope,
    ReadAhead,
    Resumed,
    as_coroutine_function,
    observed,
    write_by,
)
from connectrpc_server._asgi.request import REQUEST_PAUSE, STREAM_PAUSE, Body
from connectrpc_server._asgi.response import (
    StreamAnswer,
    refuse,
    respond,
    respond_after,
)
from connectrpc_server._asgi.server_quirks import awaits_end, checked, has_trailers
from connectrpc_server._asgi.types import Receive, Scope, Send
from connectrpc_server._errors import ASGI_SERVERS, AnyCall, no_trailers
from connectrpc_server._logging import log_unexpected

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


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
        receive = checked(scope, receive) if scope.get("http_version") == "2" else receive
        call = self._method.accept(
            scope["method"], scope["headers"], scope["query_string"], scope.get("client")
        )
        if isinstance(call, HttpResponse):
            await refuse(call, scope, receive, send, REQUEST_PAUSE)
            return
        if call.needs_trailers and not has_trailers(scope):
            await refuse(_no_trailers(call, scope), scope, receive, send, REQUEST_PAUSE)
            return
        if self._is_observed or call.context.deadline is not None:
            await self._supervise(call, scope, receive, send)
            return
        body: Body | None = None
        data = b""
        try:
            if call.has_body or awaits_end(scope):
                event = await receive()
                if event["type"] == "http.request" and not event.get("more_body", False):
                    data = event.get("body", b"")
                else:
                    body = Body(scope, receive, REQUEST_PAUSE)
                    data = await body.read_all(call, event)
            coroutine = self._function(call.request(data), call.context)
            try:
                first = coroutine.send(None)
            except StopIteration as done:
                message: Res = done.value
            else:
                message = await _resume(coroutine, first, receive)
            response = call.response(call.encode(message))
        except Exception as exc:
            response = _failure(call, exc)
        if body is not None:
            await body.drain()
        if response.trailers is not None:
            await respond(response, scope, send)
            return
        # The same, written out: nearly all calls come here, and a coroutine less is measurable.
        status, headers = response.status, response.headers
        try:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": response.body})
        except OSError:
            pass

    async def _supervise(
        self, call: UnaryServerCall[Req, Res], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a call that has a deadline or metadata interceptors."""
        has_body = call.has_body or awaits_end(scope)
        body = Body(scope, receive, REQUEST_PAUSE, is_ended=not has_body)
        try:
            response = call.response(await self._invoke(call, body))
        except Exception as exc:
            response = _failure(call, exc)
        await write_by(call.context.deadline, respond_after(body, response, scope, send))

    async def _invoke(self, call: UnaryServerCall[Req, Res], body: Body) -> bytes:
        deadline = call.context.deadline
        limit = partial(CallScope, deadline)
        async with self._chain.around(call.context, limit), limit() as scope:
            remaining(deadline)
            request = call.request(await body.read_all(call))
            try:
                answering = self._function(request, call.context)
                message = await observed(answering, partial(body.watch, scope.end))
            finally:
                body.close()
            remaining(deadline)
            return call.encode(message)


def _no_trailers(call: AnyCall, scope: Scope) -> HttpResponse:
    return no_trailers(call, scope.get("http_version", "1.1"), ASGI_SERVERS)


def _failure(call: UnaryServerCall[Req, Res], exc: Exception) -> HttpResponse:
    log_unexpected(exc, call.context)
    return call.failure(exc)


async def _resume(
    coroutine: Coroutine[object, object, Res], first: object, receive: Receive
) -> Res:
    """The rest of a handler that waits, unless its client goes away."""
    async with CallScope(None) as scope:
        ahead = ReadAhead(receive, scope.end)
        try:
            return await Resumed(coroutine, first)
        finally:
            ahead.close()


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
        if scope.get("http_version") == "2":
            receive = checked(scope, receive)
        call = self._method.accept(
            scope["method"], scope["headers"], scope["query_string"], scope.get("client")
        )
        if isinstance(call, HttpResponse):
            await refuse(call, scope, receive, send)
            return
        if call.needs_trailers and not has_trailers(scope):
            await refuse(_no_trailers(call, scope), scope, receive, send)
            return
        body = Body(scope, receive, STREAM_PAUSE)
        answer = StreamAnswer(call, scope, send, body)
        error: Exception | None = None
        try:
            try:
                await self._supervise(call, body, answer)
            except Exception as exc:
                log_unexpected(exc, call.context)
                error = exc
            await write_by(call.context.deadline, answer.end(error))
        finally:
            body.close()

    async def _supervise(
        self, call: StreamServerCall[Req, Res], body: Body, answer: StreamAnswer[Req, Res]
    ) -> None:
        deadline = call.context.deadline
        limit = partial(CallScope, deadline)
        async with self._chain.around(call.context, limit), limit() as scope:
            remaining(deadline)
            watch = partial(body.watch, scope.end)
            if not call.context.method.kind.one_request:
                # A handler may give up waiting for a request and try again later, which the
                # `receive` of some servers does not outlive (pyvoy 1.3).
                watch()
            await observed(self._answer(call, _Requests(call, body, scope), answer, scope), watch)
            remaining(deadline)

    async def _answer(
        self,
        call: StreamServerCall[Req, Res],
        requests: AsyncIterator[Req],
        answer: StreamAnswer[Req, Res],
        scope: CallScope,
    ) -> None:
        responses = await self._function(requests, call.context)
        try:
            await answer.messages(responses, scope)
        finally:
            await aclose_iterator(responses)


class _Requests(AsyncIterator[Req], Generic[Req, Res]):
    """The requests of one call, read as they are asked for. After an error there are no more."""

    __slots__ = ("_body", "_call", "_ends", "_messages", "_scope")

    def __init__(self, call: StreamServerCall[Req, Res], body: Body, scope: CallScope) -> None:
        self._call = call
        self._body = body
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
        except Exception:  # a wait that the handler cut short may be tried again
            self._ends = True
            raise
        raise StopAsyncIteration

    async def _read(self) -> Iterator[Req]:
        if self._scope.reason is not None:
            raise self._scope.reason  # for a handler that let its cancellation pass
        chunk = await self._body.read()
        if not self._body.is_ended:
            return self._call.feed(chunk)
        self._ends = True
        return self._last(chunk)

    def _last(self, chunk: bytes) -> Iterator[Req]:
        yield from self._call.feed(chunk)
        self._call.feed_end()
