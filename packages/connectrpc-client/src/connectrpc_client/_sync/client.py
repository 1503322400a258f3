"""The sync client, base of the generated clients."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from google.protobuf.message import Message

from connectrpc_client._base_client import BaseClient
from connectrpc_client._cancellation import Cancellation
from connectrpc_client._context import ClientContext, client_context
from connectrpc_client._errors import check_full_duplex
from connectrpc_client._request_stream import RequestList, iterate_sync
from connectrpc_client._response import UnaryOutput
from connectrpc_client._settings import copied_headers
from connectrpc_client._sync import call as calls
from connectrpc_client._sync.open_call import BidiCallSync, ClientStreamCallSync
from connectrpc_client._sync.output import MessagesSync, StreamOutputSync
from connectrpc_client._transports.http_clients import SyncHttpClient
from connectrpc_client._transports.select import select_transport_sync
from connectrpc_protocol import HeadersInput, InterceptorSync, Method, MethodKind, RequestContext
from connectrpc_protocol.interceptors.chain import InterceptorChainSync
from connectrpc_protocol.method_kinds import method_kinds
from connectrpc_protocol.options import as_integer

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")


class ClientSync(BaseClient[SyncHttpClient, InterceptorSync]):
    """Calls the methods of a service. The generator writes a subclass for each service.

    A call that fails raises `ConnectError`. For the options see `__init__`.
    """

    def _set_up(
        self, http_client: SyncHttpClient | None, interceptors: Iterable[InterceptorSync]
    ) -> None:
        self._chain = InterceptorChainSync(interceptors)
        self._chain.check_are_reached(method_kinds(type(self)), type(self).__name__)
        self._transport = select_transport_sync(http_client, self._settings.protocol)

    def close(self) -> None:
        """Close the client, which refuses calls from then on. A given `http_client` stays open.

        Calls in flight raise `canceled`. If another thread waits for a response head directly in
        the HTTP library, its call goes on until then.
        """
        try:
            self._closing.cancel()
        finally:
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

    # For generated code: one method for each way to make a call.

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
        """Send one request and return the one response."""
        function: Callable[[Req, RequestContext], Res] = self._functions[method]
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
        """Send a stream of requests and return the one response."""
        function: Callable[[Iterator[Req], RequestContext], Res]
        function = self._functions[method]
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
        """Send one request and return the stream of responses."""
        function: Callable[[Req, RequestContext], Iterator[Res]] = self._functions[method]
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
        """Send a stream of requests and return the stream of responses."""
        function: Callable[[Iterator[Req], RequestContext], Iterator[Res]]
        function = self._functions[method]
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
        """Return the messages of `_call_server_stream`."""
        headers, timeout_ms = copied_headers(headers), as_integer("timeout_ms", timeout_ms)
        call = partial(self._call_server_stream, method, request, headers=headers)
        call = partial(call, timeout_ms=timeout_ms, cancellation=cancellation)
        return MessagesSync(call, method)

    def _bidi_stream(
        self,
        method: Method[Req, Res],
        requests: Iterable[Req],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> Generator[Res, None, None]:
        """Return the messages of `_call_bidi_stream`."""
        headers, timeout_ms = copied_headers(headers), as_integer("timeout_ms", timeout_ms)
        call = partial(self._call_bidi_stream, method, requests, headers=headers)
        call = partial(call, timeout_ms=timeout_ms, cancellation=cancellation)
        return MessagesSync(call, method)

    def _open_client_stream(
        self,
        method: Method[Req, Res],
        *,
        headers: HeadersInput | None = None,
        timeout_ms: int | None = None,
        cancellation: Cancellation | None = None,
    ) -> ClientStreamCallSync[Req, Res]:
        """Return an open call: the caller sends requests one by one, then gets the response."""
        function: Callable[[Iterator[Req], RequestContext], Res]
        function = self._functions[method]
        context = self._begin(method, headers, timeout_ms)

        def begin(requests: Iterator[Req]) -> Iterator[Res]:
            return calls.as_stream(partial(function, requests, context))

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
        """Return an open call: the caller sends requests and receives responses one by one."""
        function: Callable[[Iterator[Req], RequestContext], Iterator[Res]]
        function = self._functions[method]
        context = self._begin(method, headers, timeout_ms)
        check_full_duplex(self._transport.is_full_duplex, context)

        def begin(requests: Iterator[Req]) -> Iterator[Res]:
            return function(requests, context)

        return BidiCallSync(context, begin, partial(self._run, context=context), cancellation)

    # How the calls of a method are made: built at the first call, then kept in `_functions`.

    def _builders(self) -> dict[MethodKind, Callable[[Method[Any, Any]], object]]:
        return {
            MethodKind.UNARY: self._build_unary,
            MethodKind.CLIENT_STREAM: self._build_client_stream,
            MethodKind.SERVER_STREAM: self._build_server_stream,
            MethodKind.BIDI_STREAM: self._build_bidi_stream,
        }

    def _build_unary(self, method: Method[Req, Res]) -> Callable[[Req, RequestContext], Res]:
        binding = self._settings.unary(method)

        def send(request: Req, ctx: RequestContext) -> Res:
            context = client_context(ctx)
            return calls.unary(self._transport, binding.call(context), request, context)

        return self._chain.unary(send)

    def _build_client_stream(
        self, method: Method[Req, Res]
    ) -> Callable[[Iterator[Req], RequestContext], Res]:
        binding = self._settings.stream(method)

        def send(requests: Iterator[Req], ctx: RequestContext) -> Res:
            context = client_context(ctx)
            call = binding.call(context)
            return calls.only_response(
                calls.StreamCallSync(self._transport, call, context, requests)
            )

        return self._chain.client_stream(send)

    def _build_server_stream(
        self, method: Method[Req, Res]
    ) -> Callable[[Req, RequestContext], Iterator[Res]]:
        binding = self._settings.stream(method)

        def send(request: Req, ctx: RequestContext) -> Iterator[Res]:
            context = client_context(ctx)
            requests = RequestList((request,))
            return calls.StreamCallSync(self._transport, binding.call(context), context, requests)

        return self._chain.server_stream(send)

    def _build_bidi_stream(
        self, method: Method[Req, Res]
    ) -> Callable[[Iterator[Req], RequestContext], Iterator[Res]]:
        binding = self._settings.stream(method)

        def send(requests: Iterator[Req], ctx: RequestContext) -> Iterator[Res]:
            context = client_context(ctx)
            return calls.StreamCallSync(self._transport, binding.call(context), context, requests)

        return self._chain.bidi_stream(send)

    # The metadata interceptors around a call.

    def _run(self, call: Callable[[], T], context: RequestContext) -> T:
        if not self._chain.metadata:
            return call()
        with self._chain.around(context):
            return call()

    def _open(
        self,
        begin: Callable[[], Iterator[Res]],
        context: ClientContext,
        cancellation: Cancellation | None,
    ) -> StreamOutputSync[Res]:
        with ExitStack() as around:
            if cancellation is not None:
                # Closing this call must not end others that were given the same cancellation.
                context.cancellation = Cancellation()
                around.enter_context(cancellation.calling(context.cancellation.cancel))
            if self._chain.metadata:
                around.enter_context(self._chain.around(context))
            output = StreamOutputSync(begin(), context, around.pop_all())
        output.open()
        return output
