"""The table of the protocols: the parts of each one, and its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.binding import Accept, ClientBinding, ServerBinding
from connectrpc_protocol.call import (
    StreamClientCall,
    StreamServerCall,
    UnaryClientCall,
    UnaryServerCall,
)
from connectrpc_protocol.connect import client as connect_client
from connectrpc_protocol.connect import headers as connect_headers
from connectrpc_protocol.connect import server as connect_server
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.grpc import client as grpc_client
from connectrpc_protocol.grpc import headers as grpc_headers
from connectrpc_protocol.grpc import server as grpc_server
from connectrpc_protocol.grpc_web import client as grpc_web_client
from connectrpc_protocol.grpc_web import headers as grpc_web_headers
from connectrpc_protocol.grpc_web import server as grpc_web_server
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.method import Method
from connectrpc_protocol.names import ProtocolName
from connectrpc_protocol.options import ClientOptions, ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class _UnaryServer(Protocol):
    def __call__(
        self, method: Method[Req, Res], options: ServerOptions
    ) -> Sequence[ServerBinding[Req, Res, UnaryServerCall[Req, Res]]]: ...


class _GetServer(Protocol):
    def __call__(
        self, method: Method[Req, Res], options: ServerOptions
    ) -> Accept[UnaryServerCall[Req, Res]]: ...


class _StreamServer(Protocol):
    def __call__(
        self, method: Method[Req, Res], options: ServerOptions
    ) -> Sequence[ServerBinding[Req, Res, StreamServerCall[Req, Res]]]: ...


class _UnaryClient(Protocol):
    def __call__(
        self, method: Method[Req, Res], base_url: str, options: ClientOptions
    ) -> ClientBinding[Req, Res, UnaryClientCall[Req, Res]]: ...


class _StreamClient(Protocol):
    def __call__(
        self, method: Method[Req, Res], base_url: str, options: ClientOptions
    ) -> ClientBinding[Req, Res, StreamClientCall[Req, Res]]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class WireProtocol:
    """One protocol.

    - `name`: `connect`, `grpc` or `grpc-web`.
    - `needs_trailers`: true if its responses end with HTTP trailers.
    - `unary_server`, `stream_server`: build the bindings of a method on the server, one for each
      content type.
    - `get_server`: builds the function that accepts requests with HTTP GET for a method without
      side effects. It is `None` if the protocol does not define GET.
    - `refuse`: builds the response to a request whose path does not lead to a method. It is `None`
      if the protocol does not define one; the response is then a plain 404.
    - `unary_client`, `stream_client`: build the binding of a method of a client. The base URL must
      not end with a slash.
    """

    name: ProtocolName
    needs_trailers: bool
    unary_server: _UnaryServer
    get_server: _GetServer | None
    stream_server: _StreamServer
    refuse: Callable[[bytes, ConnectError], HttpResponse | None] | None
    unary_client: _UnaryClient
    stream_client: _StreamClient

    @property
    def has_get(self) -> bool:
        """True if methods without side effects may be called with HTTP GET."""
        return self.get_server is not None


CONNECT = WireProtocol(
    name=connect_headers.PROTOCOL,
    needs_trailers=False,
    unary_server=connect_server.unary_bindings,
    get_server=connect_server.accept_get,
    stream_server=connect_server.stream_bindings,
    refuse=None,
    unary_client=connect_client.ConnectUnaryClientBinding,
    stream_client=connect_client.ConnectStreamClientBinding,
)
GRPC = WireProtocol(
    name=grpc_headers.PROTOCOL,
    needs_trailers=True,
    unary_server=grpc_server.unary_bindings,
    get_server=None,
    stream_server=grpc_server.stream_bindings,
    refuse=grpc_server.refuse,
    unary_client=grpc_client.GrpcUnaryClientBinding,
    stream_client=grpc_client.GrpcStreamClientBinding,
)
GRPC_WEB = WireProtocol(
    name=grpc_web_headers.PROTOCOL,
    needs_trailers=False,
    unary_server=grpc_web_server.unary_bindings,
    get_server=None,
    stream_server=grpc_web_server.stream_bindings,
    refuse=grpc_web_server.refuse,
    unary_client=grpc_web_client.GrpcWebUnaryClientBinding,
    stream_client=grpc_web_client.GrpcWebStreamClientBinding,
)

PROTOCOLS = (CONNECT, GRPC, GRPC_WEB)
