"""The sync client, base of the generated ones."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from google.protobuf.message import Message

from connectrpc_client._cancellation import Cancellation
from connectrpc_client._open_call_state import check_full_duplex
from connectrpc_client._request_stream import Listed, iterate_sync
from connectrpc_client._response import UnaryOutput
from connectrpc_client._settings import Settings
from connectrpc_client._sync import call as calls
from connectrpc_client._sync.open_call import BidiCallSync, ClientStreamCallSync
from connectrpc_client._sync.output import StreamOutputSync
from connectrpc_client._transports.http_clients import SyncHttpClient
from connectrpc_client._transports.select import transport_sync_for
from connectrpc_protocol import (
    Codec,
    Compression,
    HeadersInput,
    InterceptorSync,
    Method,
    RequestContext,
)
from connectrpc_protocol.interceptors.chain import InterceptorChainSync
from connectrpc_protocol.options import ACCEPT_COMPRESSION, COMPRESS_MIN_BYTES, READ_MAX_BYTES

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")


class ClientSync:
    """Calls the methods of a service; the generated code has a subclass for each service.

    - `base_url`: where the service is, such as `https://api.example.com`.
    - `http_client`: a `pyqwest.SyncClient`, an `httpx.Client` (or that of httpx2), or a
      `TransportSync`. It stays open when this client closes; one that this client made itself,
      with pyqwest where that is installed, else with httpx, is closed with it.
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
        http_client: SyncHttpClient | None = None,
        protocol: str = "connect",
        codec: str | Codec = "proto",
        send_compression: str | Compression | None = None,
        accept_compression: Iterable[str | Compression] = ACCEPT_COMPRESSION,
        compress_min_bytes: int = COMPRESS_MIN_BYTES,
        timeout_ms: int | None = None,
        read_max_bytes: int | None = READ_MAX_BYTES,
        interceptors: Iterable[InterceptorSync] = (),
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
        self._chain = InterceptorChainSync(interceptors)
        self._owns_transport = http_client is None
        self._transport = transport_sync_for(http_client, self._settings.protocol)
        self._is_closed = False
        # By method: what sends its calls, interceptors included. Their types go with the method's.
        self._functions: dict[Method[Message, Message], Any] = {}

    def close(self) -> None:
        """Close the client; it refuses further calls. What it was given stays open."""
        self._is_closed = True
        if self._owns_transport:
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # What follows is for generated code.

    def _call_unary(
        self,
        method: Method[Req, Res],
        request: Req,
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        cancellation: Cancellation | None = None,
        use_get: bool = False,
    ) -> UnaryOutput[Res]:
        """One request, one response."""
        function: Callable[[Req, RequestContext], Res] | None
        function = self._functions.get(method)
        if function is None:
            bound = self._settings.unary(method)

            def send(request: Req, ctx: RequestContext) -> Res:
                return calls.unary(self._transport, bound.call(ctx), request, ctx)

            function = self._functions[method] = self._chain.unary(send)
        context = self._begin(method, headers, timeout_ms, cancellation, use_get=use_get)
        return UnaryOutput(self._run(partial(function, request, context), context), context)

    def _call_client_stream(
        self,
        method: Method[Req, Res],
        requests: Iterable[Req],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> UnaryOutput[Res]:
        """A stream of requests, one response."""
        function = self._client_stream(method)
        context = self._begin(method, headers, timeout_ms, cancellation)
        call = partial(function, iterate_sync(requests), context)
        return UnaryOutput(self._run(call, context), context)

    def _call_server_stream(
        self,
        method: Method[Req, Res],
        request: Req,
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> StreamOutputSync[Res]:
        """One request, a stream of responses."""
        function: Callable[[Req, RequestContext], Iterator[Res]] | None
        function = self._functions.get(method)
        if function is None:
            bound = self._settings.stream(method)

            def send(request: Req, ctx: RequestContext) -> Iterator[Res]:
                requests = Listed((request,))
                return calls.StreamCallSync(self._transport, bound.call(ctx), ctx, requests)

            function = self._functions[method] = self._chain.server_stream(send)
        context = self._begin(method, headers, timeout_ms)
        return self._open(partial(function, request, context), context, cancellation)

    def _call_bidi_stream(
        self,
        method: Method[Req, Res],
        requests: Iterable[Req],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> StreamOutputSync[Res]:
        """A stream of requests, a stream of responses."""
        function = self._bidi(method)
        context = self._begin(method, headers, timeout_ms)
        return self._open(partial(function, iterate_sync(requests), context), context, cancellation)

    def _server_stream(
        self,
        method: Method[Req, Res],
        request: Req,
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> Generator[Res, None, None]:
        """The messages of `_call_server_stream`."""
        output = self._call_server_stream(
            method, request, headers=headers, timeout_ms=timeout_ms, cancellation=cancellation
        )
        with output:
            yield from output

    def _bidi_stream(
        self,
        method: Method[Req, Res],
        requests: Iterable[Req],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> Generator[Res, None, None]:
        """The messages of `_call_bidi_stream`."""
        output = self._call_bidi_stream(
            method, requests, headers=headers, timeout_ms=timeout_ms, cancellation=cancellation
        )
        with output:
            yield from output

    def _open_client_stream(
        self,
        method: Method[Req, Res],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> ClientStreamCallSync[Req, Res]:
        """A stream of requests, sent one by one, and one response."""
        function = self._client_stream(method)
        context = self._begin(method, headers, timeout_ms)

        def begin(requests: Iterator[Req]) -> Iterator[Res]:
            return calls.one(partial(function, requests, context))

        run = partial(self._run, context=context)
        return ClientStreamCallSync(context, begin, run, cancellation)

    def _open_bidi_stream(
        self,
        method: Method[Req, Res],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> BidiCallSync[Req, Res]:
        """A stream of requests, sent one by one, and a stream of responses."""
        function = self._bidi(method)
        context = self._begin(method, headers, timeout_ms)
        check_full_duplex(self._transport.is_full_duplex, context)

        def begin(requests: Iterator[Req]) -> Iterator[Res]:
            return function(requests, context)

        return BidiCallSync(context, begin, partial(self._run, context=context), cancellation)

    def _client_stream(
        self, method: Method[Req, Res]
    ) -> Callable[[Iterator[Req], RequestContext], Res]:
        function: Callable[[Iterator[Req], RequestContext], Res] | None
        function = self._functions.get(method)
        if function is None:
            bound = self._settings.stream(method)

            def send(requests: Iterator[Req], ctx: RequestContext) -> Res:
                stream = calls.StreamCallSync(self._transport, bound.call(ctx), ctx, requests)
                return calls.only_response(stream)

            function = self._functions[method] = self._chain.client_stream(send)
        return function

    def _bidi(
        self, method: Method[Req, Res]
    ) -> Callable[[Iterator[Req], RequestContext], Iterator[Res]]:
        function: Callable[[Iterator[Req], RequestContext], Iterator[Res]] | None
        function = self._functions.get(method)
        if function is None:
            bound = self._settings.stream(method)

            def send(requests: Iterator[Req], ctx: RequestContext) -> Iterator[Res]:
                return calls.StreamCallSync(self._transport, bound.call(ctx), ctx, requests)

            function = self._functions[method] = self._chain.bidi_stream(send)
        return function

    def _begin(
        self,
        method: Method[Message, Message],
        headers: HeadersInput | None,
        timeout_ms: int | None,
        cancellation: Cancellation | None = None,
        *,
        use_get: bool = False,
    ) -> RequestContext:
        if self._is_closed:
            raise RuntimeError("this client is closed")
        context = self._settings.context(method, headers, timeout_ms, use_get=use_get)
        if cancellation is not None:
            context.set(calls.CANCELLATION, cancellation)
        return context

    def _run(self, call: Callable[[], T], context: RequestContext) -> T:
        if not self._chain.metadata:
            return call()
        with self._chain.around(context):
            return call()

    def _open(
        self,
        begin: Callable[[], Iterator[Res]],
        context: RequestContext,
        cancellation: Cancellation | None,
    ) -> StreamOutputSync[Res]:
        with ExitStack() as around:
            if cancellation is not None:
                # Closing this call must not end others that have the same cancellation.
                own = calls.cancellable(context)
                around.enter_context(cancellation.calling(own.cancel))
            if self._chain.metadata:
                around.enter_context(self._chain.around(context))
            output = StreamOutputSync(begin(), context, around.pop_all())
        output.open()
        return output
