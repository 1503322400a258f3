"""The sync client, base of the generated ones."""

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from google.protobuf.message import Message

from connectrpc_client import _sync_call as calls
from connectrpc_client._choice import HttpxClient, transport_sync_for
from connectrpc_client._output import StreamOutputSync, UnaryOutput
from connectrpc_client._settings import Settings
from connectrpc_client._transport import TransportSync
from connectrpc_protocol import (
    Codec,
    Compression,
    HeadersInput,
    InterceptorSync,
    Method,
    RequestContext,
)
from connectrpc_protocol.chain import InterceptorChainSync
from connectrpc_protocol.options import ACCEPT_COMPRESSION, COMPRESS_MIN_BYTES, READ_MAX_BYTES

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class ClientSync:
    """Calls the methods of a service; the generated code has a subclass for each service.

    - `base_url`: where the service is, such as `https://api.example.com`.
    - `http_client`: an `httpx.Client` (or that of httpx2), or a `TransportSync`. It stays open
      when this client closes; one that this client made itself is closed with it.
    - `protocol`: what is spoken; `connect`.
    - `interceptors`: the first listed is the outermost.
    - The other options are those of `connectrpc_protocol.options.ClientOptions`; codecs and
      compressions may be given by name.

    Raises `ValueError` for a bad option, `TypeError` for an interceptor that would never be called
    and `ImportError` for a compression that is not installed. Failed calls raise `ConnectError`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        http_client: HttpxClient | TransportSync | None = None,
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
        context = self._begin(method, headers, timeout_ms, use_get=use_get)
        return UnaryOutput(self._run(partial(function, request, context), context), context)

    def _call_client_stream(
        self,
        method: Method[Req, Res],
        requests: Iterable[Req],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> UnaryOutput[Res]:
        """A stream of requests, one response."""
        function: Callable[[Iterator[Req], RequestContext], Res] | None
        function = self._functions.get(method)
        if function is None:
            bound = self._settings.stream(method)

            def send(requests: Iterator[Req], ctx: RequestContext) -> Res:
                stream = calls.StreamCallSync(self._transport, bound.call(ctx), ctx, requests)
                return calls.only_response(stream)

            function = self._functions[method] = self._chain.client_stream(send)
        context = self._begin(method, headers, timeout_ms)
        call = partial(function, iter(requests), context)
        return UnaryOutput(self._run(call, context), context)

    def _call_server_stream(
        self,
        method: Method[Req, Res],
        request: Req,
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> StreamOutputSync[Res]:
        """One request, a stream of responses."""
        function: Callable[[Req, RequestContext], Iterator[Res]] | None
        function = self._functions.get(method)
        if function is None:
            bound = self._settings.stream(method)

            def send(request: Req, ctx: RequestContext) -> Iterator[Res]:
                return calls.StreamCallSync(self._transport, bound.call(ctx), ctx, request)

            function = self._functions[method] = self._chain.server_stream(send)
        context = self._begin(method, headers, timeout_ms)
        return self._open(partial(function, request, context), context)

    def _call_bidi_stream(
        self,
        method: Method[Req, Res],
        requests: Iterable[Req],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> StreamOutputSync[Res]:
        """A stream of requests, a stream of responses."""
        function: Callable[[Iterator[Req], RequestContext], Iterator[Res]] | None
        function = self._functions.get(method)
        if function is None:
            bound = self._settings.stream(method)

            def send(requests: Iterator[Req], ctx: RequestContext) -> Iterator[Res]:
                return calls.StreamCallSync(self._transport, bound.call(ctx), ctx, requests)

            function = self._functions[method] = self._chain.bidi_stream(send)
        context = self._begin(method, headers, timeout_ms)
        return self._open(partial(function, iter(requests), context), context)

    def _server_stream(
        self,
        method: Method[Req, Res],
        request: Req,
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> Generator[Res, None, None]:
        """The messages of `_call_server_stream`."""
        output = self._call_server_stream(method, request, headers=headers, timeout_ms=timeout_ms)
        with output:
            yield from output

    def _bidi_stream(
        self,
        method: Method[Req, Res],
        requests: Iterable[Req],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
    ) -> Generator[Res, None, None]:
        """The messages of `_call_bidi_stream`."""
        output = self._call_bidi_stream(method, requests, headers=headers, timeout_ms=timeout_ms)
        with output:
            yield from output

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

    def _run(self, call: Callable[[], Res], context: RequestContext) -> Res:
        if not self._chain.metadata:
            return call()
        with self._chain.around(context):
            return call()

    def _open(
        self, begin: Callable[[], Iterator[Res]], context: RequestContext
    ) -> StreamOutputSync[Res]:
        around = self._chain.around(context) if self._chain.metadata else None
        if around is not None:
            around.__enter__()
        output = StreamOutputSync(begin(), context, around)
        output.open()
        return output
