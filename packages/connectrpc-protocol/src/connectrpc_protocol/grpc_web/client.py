"""The client side of gRPC-Web: as in gRPC, but the last envelope of the body has the trailers.

Source: grpc/grpc, PROTOCOL-WEB.md.
"""

from typing import TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.code import Code
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.envelope import PREFIX_SIZE
from connectrpc_protocol.encoding.message_stream import end_limit
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.grpc.client import (
    GrpcClientBinding,
    GrpcStreamClientBinding,
    GrpcStreamClientCall,
    GrpcUnaryClientBinding,
    GrpcUnaryClientCall,
)
from connectrpc_protocol.grpc.status import SUCCESS
from connectrpc_protocol.grpc_web.headers import CONTENT_TYPE_PREFIX
from connectrpc_protocol.grpc_web.trailers import TRAILERS, parse_trailers
from connectrpc_protocol.header_names import GRPC_STATUS
from connectrpc_protocol.headers import Headers, RawHeaders

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Call_co = TypeVar("Call_co", covariant=True)


class GrpcWebClientBinding(GrpcClientBinding[Req, Res, Call_co]):
    """A method of one client, in gRPC-Web."""

    __slots__ = ()

    prefix = CONTENT_TYPE_PREFIX
    protocol_headers = ()

    @property
    def read_limit(self) -> int | None:
        messages, end = super().read_limit, end_limit(self.decoder.limit)
        return None if messages is None or end is None else messages + end + PREFIX_SIZE

    def stream_call(self, context: RequestContext) -> "GrpcWebStreamClientCall[Req, Res]":
        return GrpcWebStreamClientCall(self, context)


class GrpcWebUnaryClientBinding(
    GrpcWebClientBinding[Req, Res, GrpcUnaryClientCall[Req, Res]],
    GrpcUnaryClientBinding[Req, Res],
):
    """A unary method of one client."""

    __slots__ = ()


class GrpcWebStreamClientBinding(
    GrpcWebClientBinding[Req, Res, GrpcStreamClientCall[Req, Res]],
    GrpcStreamClientBinding[Req, Res],
):
    """A method of one client with a stream in at least one direction."""

    __slots__ = ()


class GrpcWebStreamClientCall(GrpcStreamClientCall[Req, Res]):
    """See `connectrpc_protocol.call.StreamClientCall`."""

    __slots__ = ()

    end_flag = TRAILERS

    def _read_trailers(self, trailers: RawHeaders) -> Headers | None:
        block = self._reader.end_data
        if block is None:
            return None
        try:
            return parse_trailers(block)
        except ValueError as error:
            raise ConnectError(Code.INTERNAL, f"malformed trailers: {error}") from None

    def _status(self, trailers: Headers | None) -> Headers:
        # Some servers and proxies put a failure into the headers, before a body without trailers.
        # A success there does not show that the body is complete.
        headers = self._context.response_headers
        if trailers is None and headers.get(GRPC_STATUS, SUCCESS) != SUCCESS:
            return headers
        return super()._status(trailers)
