"""The async client, base of the generated ones."""

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
from connectrpc_client._async.concurrency import TimeLimit
from connectrpc_client._async.open_call import BidiCall, ClientStreamCall
from connectrpc_client._async.output import StreamOutput
from connectrpc_client._open_call_state import check_full_duplex
from connectrpc_client._request_stream import Listed, iterate
from connectrpc_client._response import UnaryOutput
from connectrpc_client._settings import Settings
from connectrpc_client._transports.http_clients import AsyncHttpClient
from connectrpc_client._transports.select import transport_for
from connectrpc_protocol import (
    Codec,
    Compression,
    HeadersInput,
    Interceptor,
    Method,
    RequestContext,
)
from connectrpc_protocol.interceptors.chain import InterceptorChain
from connectrpc_protocol.options import ACCEPT_COMPRESSION, COMPRESS_MIN_BYTES, READ_MAX_BYTES

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")


class Client:
    """Calls the methods of a service; the generated code has a subclass for each service.

    - `base_url`: where the service is, such as `https://api.example.com`.
    - `http_client`: a `pyqwest.Client`, an `httpx.AsyncClient` (or that of httpx2), or a
      `Transport`. It stays open when this client closes; one that this client made itself, with
      pyqwest where that is installed, else with httpx, is closed with it.
    - `protocol`: `connect` (the default), `grpc` or `grpc-web`.
    - `interceptors`: the first listed is the outermost.
    - The other options are those of `connectrpc_protocol.options.ClientOptions`; codecs and
      compressions may be given by name.

    Raises `ValueError` for a bad option and a protocol that needs more of HTTP than `http_client`
    has, `TypeError` for an `http_client` that cannot be used and an interceptor that would never
    be called, and `ImportError` for a compression that is not installed. Failed calls raise
    `ConnectError`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        http_client: AsyncHttpClient | None = None,
        protocol: str = "connect",
        codec: str | Codec = "proto",
        send_compression: str | Compression | None = None,
        accept_compression: Iterable[str | Compression] = ACCEPT_COMPRESSION,
        compress_min_bytes: int = COMPRESS_MIN_BYTES,
        timeout_ms: int | None = None,
        read_max_bytes: int | None = READ_MAX_BYTES,
        interceptors: Iterable[Interceptor] = (),
    ) -> None:
        self._settings = Settings(
            base_url,
            protocol=protocol,
            codec=codec,
            send_compression=send_compression,
            accept_compression=accept_compression,
            compress_min_bytes=compress_min_bytes,
            timeout_ms=timeout_ms,
            read_max_bytes=read_max_bytes,
        )
        self._chain = InterceptorChain(interceptors)
        self._owns_transport = http_client is None
        self._transport = transport_for(http_client, self._settings.protocol)
        self._is_closed = False
        # By method: what sends its calls, interceptors included. Their types go with the method's.
        self._functions: dict[Method[Message, Message], Any] = {}

    async def aclose(self) -> None:
        """Close the client; it refuses further calls. What it was given stays open."""
        self._is_closed = True
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

    # What follows is for generated code.

    async def _call_unary(
        self,
        method: Method[Req, Res],
        request: Req,
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        use_get: bool = False,
    ) -> UnaryOutput[Res]:
        """One request, one response."""
        function: Callable[[Req, RequestContext], Awaitable[Res]] | None
        function = self._functions.get(method)
        if function is None:
            bound = self._settings.unary(method)

            async def send(request: Req, ctx: RequestContext) -> Res:
                return await calls.unary(self._transport, bound.call(ctx), request, ctx)

            function = self._functions[method] = self._chain.unary(send)
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
        """A stream of requests, one response."""
        function = self._client_stream(method)
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
        """One request, a stream of responses."""
        function: Callable[[Req, RequestContext], AsyncIterator[Res]] | None
        function = self._functions.get(method)
        if function is None:
            bound = self._settings.stream(method)

            def send(request: Req, ctx: RequestContext) -> AsyncIterator[Res]:
                requests = Listed((request,))
                return calls.StreamCall(self._transport, bound.call(ctx), ctx, requests)

            function = self._functions[method] = self._chain.server_stream(send)
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
        """A stream of requests, a stream of responses."""
        function = self._bidi(method)
        context = self._begin(method, headers, timeout_ms)
        return await self._open(partial(function, iterate(requests), context), context)

    async def _server_stream(
        self,
        method: Method[Req, Res],
        request: Req,
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> AsyncGenerator[Res, None]:
        """The messages of `_call_server_stream`."""
        output = await self._call_server_stream(
            method, request, headers=headers, timeout_ms=timeout_ms
        )
        async with output:
            async for message in output:
                yield message

    async def _bidi_stream(
        self,
        method: Method[Req, Res],
        requests: AsyncIterable[Req] | Iterable[Req],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> AsyncGenerator[Res, None]:
        """The messages of `_call_bidi_stream`."""
        output = await self._call_bidi_stream(
            method, requests, headers=headers, timeout_ms=timeout_ms
        )
        async with output:
            async for message in output:
                yield message

    def _open_client_stream(
        self,
        method: Method[Req, Res],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> ClientStreamCall[Req, Res]:
        """A stream of requests, sent one by one, and one response."""
        function = self._client_stream(method)
        context = self._begin(method, headers, timeout_ms)

        def begin(requests: AsyncIterator[Req]) -> AsyncIterator[Res]:
            return calls.one(function(requests, context))

        return ClientStreamCall(context, begin, partial(self._run, context=context))

    def _open_bidi_stream(
        self,
        method: Method[Req, Res],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> BidiCall[Req, Res]:
        """A stream of requests, sent one by one, and a stream of responses."""
        function = self._bidi(method)
        context = self._begin(method, headers, timeout_ms)
        check_full_duplex(self._transport.is_full_duplex, context)

        def begin(requests: AsyncIterator[Req]) -> AsyncIterator[Res]:
            return function(requests, context)

        return BidiCall(context, begin, partial(self._run, context=context))

    def _client_stream(
        self, method: Method[Req, Res]
    ) -> Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]]:
        function: Callable[[AsyncIterator[Req], RequestContext], Awaitable[Res]] | None
        function = self._functions.get(method)
        if function is None:
            bound = self._settings.stream(method)

            async def send(requests: AsyncIterator[Req], ctx: RequestContext) -> Res:
                stream = calls.StreamCall(self._transport, bound.call(ctx), ctx, requests)
                return await calls.only_response(stream)

            function = self._functions[method] = self._chain.client_stream(send)
        return function

    def _bidi(
        self, method: Method[Req, Res]
    ) -> Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]]:
        function: Callable[[AsyncIterator[Req], RequestContext], AsyncIterator[Res]] | None
        function = self._functions.get(method)
        if function is None:
            bound = self._settings.stream(method)

            def send(requests: AsyncIterator[Req], ctx: RequestContext) -> AsyncIterator[Res]:
                return calls.StreamCall(self._transport, bound.call(ctx), ctx, requests)

            function = self._functions[method] = self._chain.bidi_stream(send)
        return function

    def _begin(
        self,
        method: Method[Message, Message],
        headers: HeadersInput | None,
        timeout_ms: int | None,
        *,
        use_get: bool = False,
    ) -> RequestContext:
        if self._is_closed:
            raise RuntimeError("this client is closed")
        return self._settings.context(method, headers, timeout_ms, use_get=use_get)

    async def _run(self, call: Callable[[], Awaitable[T]], context: RequestContext) -> T:
        if not self._chain.metadata:
            return await call()
        async with self._chain.around(context, partial(TimeLimit, context.deadline)):
            return await call()

    async def _open(
        self, begin: Callable[[], AsyncIterator[Res]], context: RequestContext
    ) -> StreamOutput[Res]:
        around = None
        if self._chain.metadata:
            around = self._chain.around(context, partial(TimeLimit, context.deadline))
            await around.__aenter__()
        output = StreamOutput(begin(), context, around)
        await output.open()
        return output
