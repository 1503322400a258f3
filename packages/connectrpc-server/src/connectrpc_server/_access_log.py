"""The log of all calls: an interceptor that writes one line for each."""

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import ContextKey, RequestContext
from connectrpc_protocol.errors import as_connect_error
from connectrpc_server._errors import CancelledByServer
from connectrpc_server._logging import log_fields, logger

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

_access_logger = logging.getLogger(f"{logger.name}.access")


class _Call:
    """The start of a call, and the numbers of its messages so far."""

    __slots__ = ("received", "sent", "start")

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.received = 0
        self.sent = 0


class AccessLog:
    """An interceptor that logs each call when it ends, in ASGI and WSGI applications.

    The logger `connectrpc_server.access` gets one line for each call at the level INFO: the method,
    the protocol, the code (`ok` or that of the error), the peer, the duration in milliseconds, and
    the numbers of messages that were received and sent. The log record has the same values as
    attributes: `rpc_method`, `rpc_protocol`, `rpc_code`, `rpc_peer`, `rpc_duration_ms`,
    `rpc_received` and `rpc_sent`. Headers and messages are not logged.

    If it is the first interceptor of an application, it logs the calls that other interceptors
    refuse, and sees every message. It does not see requests that do not become a call, such as
    those for an unknown path.
    """

    def __init__(self) -> None:
        self._key = ContextKey[_Call]("access log")

    async def on_start(self, ctx: RequestContext) -> _Call | None:
        return self.on_start_sync(ctx)

    def on_start_sync(self, ctx: RequestContext) -> _Call | None:
        if not _access_logger.isEnabledFor(logging.INFO):
            return None
        call = _Call()
        ctx.set(self._key, call)
        return call

    async def on_end(
        self, token: _Call | None, ctx: RequestContext, error: BaseException | None
    ) -> None:
        self.on_end_sync(token, ctx, error)

    def on_end_sync(
        self, token: _Call | None, ctx: RequestContext, error: BaseException | None
    ) -> None:
        if token is None:
            return
        duration = (time.perf_counter() - token.start) * 1000
        # The response of a unary call or a client stream leaves after its interceptors have ended.
        sent = int(error is None) if ctx.method.kind.one_response else token.sent
        fields = log_fields(ctx) | {
            "rpc_code": _code(error),
            "rpc_duration_ms": round(duration, 3),
            "rpc_received": token.received,
            "rpc_sent": sent,
        }
        _access_logger.info(
            "%s %s %s %s %.1fms received=%d sent=%d",
            fields["rpc_method"],
            fields["rpc_protocol"],
            fields["rpc_code"],
            fields["rpc_peer"] or "-",
            duration,
            token.received,
            sent,
            extra=fields,
        )

    async def intercept_unary(
        self,
        call_next: Callable[[Req, RequestContext], Awaitable[Res]],
        request: Req,
        ctx: RequestContext,
    ) -> Res:
        self._count_request(ctx)
        return await call_next(request, ctx)

    def intercept_unary_sync(
        self, call_next: Callable[[Req, RequestContext], Res], request: Req, ctx: RequestContext
    ) -> Res:
        self._count_request(ctx)
        return call_next(request, ctx)

    async def intercept_client_stream(
        self,
        call_next: Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]],
        requests: AsyncIterator[Req],
        ctx: RequestContext,
    ) -> Res:
        return await call_next(self._count_requests(requests, ctx), ctx)

    def intercept_client_stream_sync(
        self,
        call_next: Callable[[Iterator[Req], RequestContext], Res],
        requests: Iterator[Req],
        ctx: RequestContext,
    ) -> Res:
        return call_next(self._count_requests_sync(requests, ctx), ctx)

    def intercept_server_stream(
        self,
        call_next: Callable[[Req, RequestContext], AsyncIterator[Res]],
        request: Req,
        ctx: RequestContext,
    ) -> AsyncIterator[Res]:
        self._count_request(ctx)
        return self._count_responses(call_next(request, ctx), ctx)

    def intercept_server_stream_sync(
        self,
        call_next: Callable[[Req, RequestContext], Iterator[Res]],
        request: Req,
        ctx: RequestContext,
    ) -> Iterator[Res]:
        self._count_request(ctx)
        return self._count_responses_sync(call_next(request, ctx), ctx)

    def intercept_bidi_stream(
        self,
        call_next: Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]],
        requests: AsyncIterator[Req],
        ctx: RequestContext,
    ) -> AsyncIterator[Res]:
        return self._count_responses(call_next(self._count_requests(requests, ctx), ctx), ctx)

    def intercept_bidi_stream_sync(
        self,
        call_next: Callable[[Iterator[Req], RequestContext], Iterator[Res]],
        requests: Iterator[Req],
        ctx: RequestContext,
    ) -> Iterator[Res]:
        requests = self._count_requests_sync(requests, ctx)
        return self._count_responses_sync(call_next(requests, ctx), ctx)

    def _count_request(self, ctx: RequestContext) -> None:
        call = ctx.get(self._key)
        if call is not None:
            call.received += 1

    def _count_requests(
        self, requests: AsyncIterator[Req], ctx: RequestContext
    ) -> AsyncIterator[Req]:
        call = ctx.get(self._key)
        return requests if call is None else _CountedRequests(requests, call)

    def _count_requests_sync(self, requests: Iterator[Req], ctx: RequestContext) -> Iterator[Req]:
        call = ctx.get(self._key)
        return requests if call is None else _counted_requests_sync(requests, call)

    def _count_responses(
        self, responses: AsyncIterator[Res], ctx: RequestContext
    ) -> AsyncIterator[Res]:
        call = ctx.get(self._key)
        return responses if call is None else _counted_responses(responses, call)

    def _count_responses_sync(self, responses: Iterator[Res], ctx: RequestContext) -> Iterator[Res]:
        call = ctx.get(self._key)
        return responses if call is None else _counted_responses_sync(responses, call)


class _CountedRequests(AsyncIterator[Req], Generic[Req]):
    """Counts requests. It is not a generator, because a cancelled `anext` would end a generator.

    A handler may stop waiting for a request, and wait again later.
    """

    __slots__ = ("_call", "_requests")

    def __init__(self, requests: AsyncIterator[Req], call: _Call) -> None:
        self._requests = requests
        self._call = call

    async def __anext__(self) -> Req:
        request = await anext(self._requests)
        self._call.received += 1
        return request


def _counted_requests_sync(requests: Iterator[Req], call: _Call) -> Generator[Req, None, None]:
    for request in requests:
        call.received += 1
        yield request


# A response counts as sent when the application asks for the next one. Before, it may still be
# refused by its codec, or the client may disconnect.
async def _counted_responses(
    responses: AsyncIterator[Res], call: _Call
) -> AsyncGenerator[Res, None]:
    async for response in responses:
        yield response
        call.sent += 1


def _counted_responses_sync(responses: Iterator[Res], call: _Call) -> Generator[Res, None, None]:
    for response in responses:
        yield response
        call.sent += 1


def _code(error: BaseException | None) -> str:
    """Return the code that the client gets, or `ok`."""
    if error is None:
        return "ok"
    if not isinstance(error, Exception):  # the server cancels the call, because it is stopping
        error = CancelledByServer()
    code: str = as_connect_error(error).code.value
    return code
