"""The async client, base of the generated clients."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
)
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from google.protobuf.message import Message

from connectrpc_client._async import call as calls
from connectrpc_client._async.concurrency import OpenStreams, run_within
from connectrpc_client._async.open_call import BidiCall, ClientStreamCall
from connectrpc_client._async.output import Messages, StreamOutput
from connectrpc_client._base_client import BaseClient
from connectrpc_client._context import ClientContext, client_context
from connectrpc_client._errors import check_full_duplex
from connectrpc_client._request_stream import RequestList, iterate
from connectrpc_client._response import UnaryOutput
from connectrpc_client._settings import copied_headers
from connectrpc_client._transports.http_clients import AsyncHttpClient
from connectrpc_client._transports.select import select_transport
from connectrpc_protocol import HeadersInput, Interceptor, Method, MethodKind, RequestContext
from connectrpc_protocol.call import StreamClientCall
from connectrpc_protocol.interceptors.chain import InterceptorChain
from connectrpc_protocol.method_kinds import method_kinds
from connectrpc_protocol.options import as_integer

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")


class Client(BaseClient[AsyncHttpClient, Interceptor]):
    """Calls the methods of a service. The generator writes a subclass for each service.

    A call that fails raises `ConnectError`. For the options see `__init__`.
    """

    def _set_up(
        self, http_client: AsyncHttpClient | None, interceptors: Iterable[Interceptor]
    ) -> None:
        self._chain = InterceptorChain(interceptors)
        self._chain.check_are_reached(method_kinds(type(self)), type(self).__name__)
        self._streams = OpenStreams()
        self._transport = select_transport(http_client, self._settings.protocol)

    async def aclose(self) -> None:
        """Close the client, which refuses calls from then on. A given `http_client` stays open.

        Calls in flight raise `canceled`.
        """
        try:
            self._closing.cancel()
            await self._streams.close()
        finally:
            if self._owns_transport:
                await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    # For generated code: one method for each way to make a call.

    async def _call_unary(
        self,
        method: Method[Req, Res],
        request: Req,
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        use_get: bool = False,
    ) -> UnaryOutput[Res]:
        """Send one request and return the one response."""
        function: Callable[[Req, RequestContext], Awaitable[Res]] = self._functions[method]
        context = self._begin(method, headers, timeout_ms, use_get=use_get)
        return UnaryOutput(await self._run(partial(function, request, context), context), context)

    async def _call_client_stream(
        self,
        method: Method[Req, Res],
        requests: AsyncIterable[Req] | Iterable[Req],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> UnaryOutput[Res]:
        """Send a stream of requests and return the one response."""
        function: Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]]
        function = self._functions[method]
        context = self._begin(method, headers, timeout_ms)
        call = partial(function, iterate(requests), context)
        return UnaryOutput(await self._run(call, context), context)

    async def _call_server_stream(
        self,
        method: Method[Req, Res],
        request: Req,
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> StreamOutput[Res]:
        """Send one request and return the stream of responses."""
        function: Callable[[Req, RequestContext], AsyncIterator[Res]] = self._functions[method]
        context = self._begin(method, headers, timeout_ms)
        return await self._open(partial(function, request, context), context)

    async def _call_bidi_stream(
        self,
        method: Method[Req, Res],
        requests: AsyncIterable[Req] | Iterable[Req],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> StreamOutput[Res]:
        """Send a stream of requests and return the stream of responses."""
        function: Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]]
        function = self._functions[method]
        context = self._begin(method, headers, timeout_ms)
        return await self._open(partial(function, iterate(requests), context), context)

    def _server_stream(
        self,
        method: Method[Req, Res],
        request: Req,
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> AsyncGenerator[Res, None]:
        """Return the messages of `_call_server_stream`."""
        headers, timeout_ms = copied_headers(headers), as_integer("timeout_ms", timeout_ms)
        call = partial(self._call_server_stream, method, request, headers=headers)
        return Messages(partial(call, timeout_ms=timeout_ms), method)

    def _bidi_stream(
        self,
        method: Method[Req, Res],
        requests: AsyncIterable[Req] | Iterable[Req],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> AsyncGenerator[Res, None]:
        """Return the messages of `_call_bidi_stream`."""
        headers, timeout_ms = copied_headers(headers), as_integer("timeout_ms", timeout_ms)
        call = partial(self._call_bidi_stream, method, requests, headers=headers)
        return Messages(partial(call, timeout_ms=timeout_ms), method)

    def _open_client_stream(
        self,
        method: Method[Req, Res],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> ClientStreamCall[Req, Res]:
        """Return an open call: the caller sends requests one by one, then gets the response."""
        function: Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]]
        function = self._functions[method]
        context = self._begin(method, headers, timeout_ms)

        def begin(requests: AsyncIterator[Req]) -> AsyncIterator[Res]:
            return calls.as_stream(function(requests, context))

        return ClientStreamCall(context, begin, partial(self._run, context=context))

    def _open_bidi_stream(
        self,
        method: Method[Req, Res],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> BidiCall[Req, Res]:
        """Return an open call: the caller sends requests and receives responses one by one."""
        function: Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]]
        function = self._functions[method]
        context = self._begin(method, headers, timeout_ms)
        check_full_duplex(self._transport.is_full_duplex, context)

        def begin(requests: AsyncIterator[Req]) -> AsyncIterator[Res]:
            return function(requests, context)

        return BidiCall(context, begin, partial(self._run, context=context))

    # How the calls of a method are made: built at the first call, then kept in `_functions`.

    def _builders(self) -> dict[MethodKind, Callable[[Method[Any, Any]], object]]:
        return {
            MethodKind.UNARY: self._build_unary,
            MethodKind.CLIENT_STREAM: self._build_client_stream,
            MethodKind.SERVER_STREAM: self._build_server_stream,
            MethodKind.BIDI_STREAM: self._build_bidi_stream,
        }

    def _build_unary(
        self, method: Method[Req, Res]
    ) -> Callable[[Req, RequestContext], Awaitable[Res]]:
        binding = self._settings.unary(method)

        async def send(request: Req, ctx: RequestContext) -> Res:
            context = client_context(ctx)
            return await calls.unary(self._transport, binding.call(context), request, context)

        return self._chain.unary(send)

    def _build_client_stream(
        self, method: Method[Req, Res]
    ) -> Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]]:
        binding = self._settings.stream(method)

        async def send(requests: AsyncIterator[Req], ctx: RequestContext) -> Res:
            context = client_context(ctx)
            return await calls.only_response(self._stream(binding.call(context), context, requests))

        return self._chain.client_stream(send)

    def _build_server_stream(
        self, method: Method[Req, Res]
    ) -> Callable[[Req, RequestContext], AsyncIterator[Res]]:
        binding = self._settings.stream(method)

        def send(request: Req, ctx: RequestContext) -> AsyncIterator[Res]:
            context = client_context(ctx)
            return self._stream(binding.call(context), context, RequestList((request,)))

        return self._chain.server_stream(send)

    def _build_bidi_stream(
        self, method: Method[Req, Res]
    ) -> Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]]:
        binding = self._settings.stream(method)

        def send(requests: AsyncIterator[Req], ctx: RequestContext) -> AsyncIterator[Res]:
            context = client_context(ctx)
            return self._stream(binding.call(context), context, requests)

        return self._chain.bidi_stream(send)

    def _stream(
        self,
        call: StreamClientCall[Req, Res],
        context: ClientContext,
        requests: AsyncIterator[Req],
    ) -> calls.StreamCall[Req, Res]:
        return calls.StreamCall(self._transport, call, context, requests, self._streams)

    # The metadata interceptors around a call.

    async def _run(self, call: Callable[[], Awaitable[T]], context: RequestContext) -> T:
        if not self._chain.metadata:
            return await call()
        async with self._chain.around(context, partial(run_within, context.deadline)):
            return await call()

    async def _open(
        self, begin: Callable[[], AsyncIterator[Res]], context: RequestContext
    ) -> StreamOutput[Res]:
        around = None
        if self._chain.metadata:
            around = self._chain.around(context, partial(run_within, context.deadline))
            await around.__aenter__()
        output = StreamOutput(begin(), context, around)
        await output.open()
        return output
