"""The client's side of the seam: the protocol that a client speaks, by name."""

from typing import Protocol, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.call import StreamClientCall, UnaryClientCall
from connectrpc_protocol.connect import headers as connect
from connectrpc_protocol.connect.stream import StreamClientMethod as ConnectStreamClientMethod
from connectrpc_protocol.connect.unary import UnaryClientMethod as ConnectUnaryClientMethod
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.grpc import headers as grpc
from connectrpc_protocol.grpc.stream import StreamClientMethod as GrpcStreamClientMethod
from connectrpc_protocol.grpc.unary import UnaryClientMethod as GrpcUnaryClientMethod
from connectrpc_protocol.grpc_web import headers as grpc_web
from connectrpc_protocol.grpc_web.stream import StreamClientMethod as GrpcWebStreamClientMethod
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ClientOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Req_contra = TypeVar("Req_contra", bound=Message, contravariant=True)
Res_co = TypeVar("Res_co", bound=Message, covariant=True)

_NAMES = (connect.PROTOCOL, grpc.PROTOCOL, grpc_web.PROTOCOL)


class UnaryClientMethod(Protocol[Req_contra, Res_co]):
    """One unary RPC of one client, with everything ready that does not depend on the call."""

    def call(self, context: RequestContext) -> UnaryClientCall[Req_contra, Res_co]:
        """Begin a call."""
        ...


class StreamClientMethod(Protocol[Req_contra, Res_co]):
    """One streaming RPC of one client, with everything ready that does not depend on the call."""

    def call(self, context: RequestContext) -> StreamClientCall[Req_contra, Res_co]:
        """Begin a call."""
        ...


class ClientProtocol:
    """A protocol a client speaks; `name` is `connect`, `grpc` or `grpc-web`.

    `needs_trailers` is whether its answers end with HTTP trailers, `has_get` whether methods
    without side effects may be called with GET. Raises `ValueError` for an unknown name.
    """

    def __init__(self, name: str) -> None:
        if name not in _NAMES:
            known = ", ".join(map(repr, _NAMES))
            raise ValueError(f"unknown protocol {name!r}; known: {known}")
        self.name = name
        self.needs_trailers = name == grpc.PROTOCOL
        self.has_get = name == connect.PROTOCOL

    def unary(
        self, method: Method[Req, Res], base_url: str, options: ClientOptions
    ) -> UnaryClientMethod[Req, Res]:
        """A unary RPC of a client for this base URL, which has no slash at its end."""
        if self.name == grpc.PROTOCOL:
            return GrpcUnaryClientMethod(GrpcStreamClientMethod(method, base_url, options))
        if self.name == grpc_web.PROTOCOL:
            return GrpcUnaryClientMethod(GrpcWebStreamClientMethod(method, base_url, options))
        return ConnectUnaryClientMethod(method, base_url, options)

    def stream(
        self, method: Method[Req, Res], base_url: str, options: ClientOptions
    ) -> StreamClientMethod[Req, Res]:
        """A streaming RPC of a client for this base URL, which has no slash at its end."""
        if self.name == grpc.PROTOCOL:
            return GrpcStreamClientMethod(method, base_url, options)
        if self.name == grpc_web.PROTOCOL:
            return GrpcWebStreamClientMethod(method, base_url, options)
        return ConnectStreamClientMethod(method, base_url, options)
