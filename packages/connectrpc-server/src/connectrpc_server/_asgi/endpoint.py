"""The endpoints of an ASGI application: one for unary calls, one for calls with streams."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import RequestContext
from connectrpc_protocol.call import StreamServerCall, UnaryServerCall
from connectrpc_protocol.closing import aclose_iterator
from connectrpc_protocol.deadline import remaining
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.interceptors.chain import InterceptorChain
from connectrpc_protocol.server import ServerMethod
from connectrpc_server._asgi.cancel_scope import Cancelled, CancelScope
from connectrpc_server._asgi.request import AsgiRequest, check_trailers
from connectrpc_server._asgi.response import StreamResponse, respond, send_response
from connectrpc_server._asgi.server_quirks import deliver_empty_body, must_see_end
from connectrpc_server._asgi.stepping import (
    FINISHED,
    Resumption,
    run_stepwise,
    run_within,
)
from connectrpc_server._asgi.types import Event, Receive, Scope, Send
from connectrpc_server._errors import CancelledByServer, ServerCall
from connectrpc_server._limits import STREAM_DRAIN_PAUSE
from connectrpc_server._logging import log_unexpected

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

StreamFunction: TypeAlias = Callable[
    [AsyncIterator[Req], RequestContext], Awaitable[AsyncIterator[Res]]
]
"""A function that begins a call with streams, and returns its responses."""


class UnaryEndpoint(Generic[Req, Res]):
    """Handles the requests for a unary method.

    Nearly all calls are plain: they do not have a deadline or a metadata interceptor, their body
    arrives in one event, and their handler does not suspend. A plain call does not need an
    `AsgiRequest`, a cancel scope or a task, which would take longer than all other steps together.
    """

    __slots__ = ("_chain", "_function", "_has_metadata_interceptors", "_method")

    def __init__(
        self,
        method: ServerMethod[UnaryServerCall[Req, Res]],
        function: Callable[[Req, RequestContext], Awaitable[Res]],
        chain: InterceptorChain,
    ) -> None:
        self._method = method
        self._function = function
        self._chain = chain
        self._has_metadata_interceptors = bool(chain.metadata)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope.get("http_version") == "2":
            receive = deliver_empty_body(scope, receive)
        call = accepted = self._method.accept(
            scope["method"], scope["headers"], scope["query_string"], scope.get("client")
        )
        if isinstance(call, HttpResponse) or call.needs_trailers:
            call = check_trailers(call, scope)
            if isinstance(call, HttpResponse):
                refused = AsgiRequest(scope, receive, send, deadline=_deadline_of(accepted))
                await refused.write_end(respond(call, refused))
                return
        context = call.context
        context.host_request = scope
        if self._has_metadata_interceptors or context.deadline is not None:
            await self._handle_with_limits(call, scope, receive, send)
            return
        request: AsgiRequest | None = None
        progress = _Progress()
        try:
            body = b""
            if call.has_body or must_see_end(scope):
                event = await receive()
                if event["type"] == "http.request" and not event.get("more_body", False):
                    body = event.get("body", b"")
                else:
                    request = AsgiRequest(scope, receive, send, received=event)
                    body = await request.read_all(call)
            run = self._run_plain(call, body, send, progress)
            waits_for = next(run.__await__(), FINISHED)
            if waits_for is FINISHED:
                return  # as most calls
            request = request or AsgiRequest(scope, receive, send, has_ended=True)
            if progress.response is not None:
                await request.write_rest(run, waits_for)
                return
            progress.has_waited = True
            await _resume(run, waits_for, request)
        except (Exception, Cancelled) as exc:
            if progress.response is not None:
                raise  # it comes from the server
            request = request or AsgiRequest(scope, receive, send, has_ended=True)
            await _end_failed(call, request, exc)
            return
        assert progress.response is not None
        await request.write_end(send_response(progress.response, send))

    async def _run_plain(
        self, call: UnaryServerCall[Req, Res], body: bytes, send: Send, progress: "_Progress"
    ) -> None:
        """Run the steps of a plain call. If the handler does not wait, send the response too.

        One coroutine for both is cheaper than two. So the last lines repeat `send_response`.
        """
        message = await self._function(call.request(body), call.context)
        response = progress.response = call.response(call.encode(message))
        if progress.has_waited:
            return
        trailers = response.trailers
        start: Event = {
            "type": "http.response.start",
            "status": response.status,
            "headers": response.headers,
            "trailers": trailers is not None,
        }
        try:
            await send(start)
            await send({"type": "http.response.body", "body": response.body})
            if trailers is not None:
                await send({"type": "http.response.trailers", "headers": trailers})
        except OSError:
            pass

    async def _handle_with_limits(
        self, call: UnaryServerCall[Req, Res], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Handle a call within its deadline, with its metadata interceptors around it."""
        deadline = call.context.deadline
        has_ended = not (call.has_body or must_see_end(scope))
        request = AsgiRequest(scope, receive, send, has_ended=has_ended, deadline=deadline)
        encoded: list[bytes] = []
        try:
            async with self._chain.around(call.context, partial(run_within, deadline)):
                run = self._run(call, request, encoded)
                await run_within(deadline, run, request.watch)
            response = call.response(encoded[0])
        except (Exception, Cancelled) as exc:
            await _end_failed(call, request, exc)
            return
        await request.write_end(respond(response, request))

    async def _run(
        self, call: UnaryServerCall[Req, Res], request: AsgiRequest, encoded: list[bytes]
    ) -> None:
        """Run the steps of a call, and append the bytes of the response to `encoded`."""
        deadline = call.context.deadline
        remaining(deadline)
        body = await request.read_all(call)
        message = await self._function(call.request(body), call.context)
        remaining(deadline)
        encoded.append(call.encode(message))


class _Progress:
    """How far a plain call has come."""

    __slots__ = ("has_waited", "response")

    def __init__(self) -> None:
        self.has_waited = False
        self.response: HttpResponse | None = None


def _deadline_of(accepted: ServerCall | HttpResponse) -> float | None:
    """Return the deadline, also of a call that is refused because it needs trailers."""
    return None if isinstance(accepted, HttpResponse) else accepted.context.deadline


async def _end_failed(
    call: UnaryServerCall[Req, Res], request: AsgiRequest, exc: Exception | Cancelled
) -> None:
    """Send the response of a call that failed, or that the server cancelled."""
    if isinstance(exc, Exception):
        log_unexpected(exc, call.context)
        await request.write_end(respond(call.failure(exc), request))
    else:
        writing = respond(call.failure(CancelledByServer()), request)
        await request.end_cancelled(exc, call.context.method.full_name, writing)


async def _resume(
    run: Coroutine[object, object, None], waits_for: object, request: AsgiRequest
) -> None:
    """Run the rest of a call that waits, and cancel it if the client disconnects."""
    async with CancelScope(None) as cancel_scope:
        request.watch(cancel_scope.cancel)
        await Resumption(run, waits_for)


class StreamEndpoint(Generic[Req, Res]):
    """Handles the requests for a method with a stream in at least one direction.

    `function` begins a call and returns its responses.
    """

    __slots__ = ("_chain", "_function", "_method")

    def __init__(
        self,
        method: ServerMethod[StreamServerCall[Req, Res]],
        function: StreamFunction[Req, Res],
        chain: InterceptorChain,
    ) -> None:
        self._method = method
        self._function = function
        self._chain = chain

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope.get("http_version") == "2":
            receive = deliver_empty_body(scope, receive)
        accepted = self._method.accept(
            scope["method"], scope["headers"], scope["query_string"], scope.get("client")
        )
        call = check_trailers(accepted, scope)
        request = AsgiRequest(scope, receive, send, STREAM_DRAIN_PAUSE)
        request.deadline = _deadline_of(accepted)
        if isinstance(call, HttpResponse):
            await request.write_end(respond(call, request))
            return
        call.context.host_request = scope
        response = StreamResponse(call, request)
        error: Exception | None = None
        try:
            await self._run_in_cancel_scope(call, request, response)
        except Exception as exc:
            log_unexpected(exc, call.context)
            error = exc
        except Cancelled as exc:
            writing = response.end(CancelledByServer())
            await request.end_cancelled(exc, call.context.method.full_name, writing)
            return
        await request.write_end(response.end(error))

    async def _run(
        self,
        call: StreamServerCall[Req, Res],
        requests: AsyncIterator[Req],
        response: StreamResponse[Req, Res],
        cancel_scope: CancelScope,
    ) -> None:
        """Run the steps of a call with streams, except that its end is not sent."""
        responses = await self._function(requests, call.context)
        try:
            await response.send_all(responses, cancel_scope)
        finally:
            await aclose_iterator(responses)

    async def _run_in_cancel_scope(
        self,
        call: StreamServerCall[Req, Res],
        request: AsgiRequest,
        response: StreamResponse[Req, Res],
    ) -> None:
        """Run a call within its deadline, with its metadata interceptors around it."""
        deadline = call.context.deadline
        limit = partial(run_within, deadline)
        async with self._chain.around(call.context, limit), CancelScope(deadline) as inner:
            remaining(deadline)
            watch = partial(request.watch, inner.cancel)
            if not call.context.method.kind.one_request:
                # A handler may stop waiting for a request, which cancels a read, and try again
                # later. Some servers cannot be read again after that; see `server_quirks`.
                watch()
            requests = _Requests(call, request, inner)
            await run_stepwise(self._run(call, requests, response, inner), watch)
            remaining(deadline)


class _Requests(AsyncIterator[Req], Generic[Req, Res]):
    """The requests of one call, read when the handler asks for them. After an error, they end."""

    __slots__ = ("_call", "_cancel_scope", "_has_ended", "_messages", "_request")

    def __init__(
        self, call: StreamServerCall[Req, Res], request: AsgiRequest, cancel_scope: CancelScope
    ) -> None:
        self._call = call
        self._request = request
        self._cancel_scope = cancel_scope
        self._messages: Iterator[Req] = iter(())
        self._has_ended = False

    async def __anext__(self) -> Req:
        try:
            while True:
                for message in self._messages:
                    return message
                if self._has_ended:
                    break
                self._messages = await self._read()
        except Exception:  # not a cancellation: the handler may wait again after a timeout
            self._has_ended = True
            raise
        raise StopAsyncIteration

    async def _read(self) -> Iterator[Req]:
        if self._cancel_scope.reason is not None:
            raise self._cancel_scope.reason  # the handler suppressed its cancellation
        chunk = await self._request.read()
        if not self._request.has_ended:
            return self._call.feed(chunk)
        self._has_ended = True
        return self._last(chunk)

    def _last(self, chunk: bytes) -> Iterator[Req]:
        yield from self._call.feed(chunk)
        self._call.feed_end()
