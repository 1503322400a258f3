"""What calls of every kind have in common on the server."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.binding import ServerBound
from connectrpc_protocol.call import Fields, Peer
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.codec import Codec
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.errors import ConnectError, as_connect_error
from connectrpc_protocol.grpc.headers import content_types, read_compression, read_deadline
from connectrpc_protocol.grpc.status import OK, error_to_trailers
from connectrpc_protocol.headers import RawHeaders, raw_pairs
from connectrpc_protocol.http import HTTP_OK, HeaderPair, HttpResponse
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class Bound(ServerBound[Req, Res]):
    """One method in one content type, with what its calls share.

    `headers` are those of every answer. They tell what may be compressed with, as they must once
    a client used it (grpc/grpc, doc/compression.md).
    """

    __slots__ = ("headers",)

    def __init__(
        self, method: Method[Req, Res], codec: Codec, options: ServerOptions, content_type: str
    ) -> None:
        super().__init__(method, codec, options)
        self.headers = [
            (b"content-type", content_type.encode()),
            (b"grpc-accept-encoding", options.compressions.header.encode()),
        ]


class ServerCall(Generic[Req, Res]):
    """What a call answers with, whatever its kind."""

    __slots__ = ("_bound", "_compression", "_fields", "context")

    needs_trailers = True

    def __init__(
        self,
        bound: Bound[Req, Res],
        context: RequestContext,
        fields: Fields,
        compression: Compression | None,
    ) -> None:
        self._bound = bound
        self.context = context
        self._fields = fields
        self._compression = compression

    def failure(self, exc: BaseException) -> HttpResponse:
        return self._answer(self._headers(None), b"", self._trailers(exc))

    def _negotiate(self) -> Compression | None:
        accepted = self._fields.get(b"grpc-accept-encoding", b"").decode("latin-1")
        return self._bound.options.compressions.negotiate(accepted)

    def _headers(self, compression: Compression | None) -> list[HeaderPair]:
        headers = self._bound.headers.copy()
        if compression is not None:
            headers.append((b"grpc-encoding", compression.name.encode()))
        if self.context.has_response_metadata:
            headers += raw_pairs(self.context.response_headers.metadata())
        return headers

    def _trailers(self, exc: BaseException | None) -> list[HeaderPair]:
        error = None
        if exc is not None:
            error = as_connect_error(exc, expose=self._bound.options.expose_errors)
        trailers = [OK] if error is None else error_to_trailers(error)
        if self.context.has_response_metadata:
            trailers += raw_pairs(self.context.response_trailers.metadata())
        if error is not None:
            trailers += raw_pairs(error.metadata.metadata())
        return trailers

    def _answer(
        self, headers: list[HeaderPair], body: bytes, trailers: list[HeaderPair]
    ) -> HttpResponse:
        """A whole answer; a length would leave no room for trailers in HTTP/1.1."""
        return HttpResponse(HTTP_OK, headers, body, trailers)


class _Call(Protocol):
    def failure(self, exc: BaseException) -> HttpResponse: ...


Call = TypeVar("Call", bound=_Call)
Call_co = TypeVar("Call_co", bound=_Call, covariant=True)
Begin = Callable[[Bound[Req, Res], RequestContext, Fields, Compression | None], Call]


class ServerBinding(Generic[Req, Res, Call_co]):
    """Begins the calls of one method in one content type."""

    __slots__ = ("_begin", "_bound", "_protocol")

    def __init__(
        self, bound: Bound[Req, Res], protocol: str, begin: Begin[Req, Res, Call_co]
    ) -> None:
        self._bound = bound
        self._protocol = protocol
        self._begin = begin

    def __call__(
        self, headers: RawHeaders, fields: Fields, query: bytes, peer: Peer
    ) -> Call_co | HttpResponse:
        """Begin a call, or refuse it."""
        bound = self._bound
        deadline = compression = error = None
        if bound.may_have_deadline or b"grpc-timeout" in fields or b"grpc-encoding" in fields:
            try:
                deadline = read_deadline(fields, bound.options)
                compression = read_compression(fields, bound.options)
            except ConnectError as exc:
                error = exc
        context = RequestContext(bound.method, self._protocol, "POST", headers, deadline, peer)
        call = self._begin(bound, context, fields, compression)
        return call if error is None else call.failure(error)


def server_bindings(
    method: Method[Req, Res],
    options: ServerOptions,
    protocol: str,
    prefix: str,
    begin: Begin[Req, Res, Call],
) -> dict[bytes, ServerBinding[Req, Res, Call]]:
    """The bindings of one method, by content type; all of these begin with `prefix`."""
    return {
        content_type.encode(): ServerBinding(
            Bound(method, codec, options, content_type), protocol, begin
        )
        for codec in options.codecs
        for content_type in content_types(prefix, codec.name)
    }
