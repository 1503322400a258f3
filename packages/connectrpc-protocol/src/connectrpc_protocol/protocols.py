"""The table of the protocols. Code looks up here what depends on the name of a protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.binding import ClientBinding, ServerBinding
from connectrpc_protocol.call import (
    StreamClientCall,
    StreamServerCall,
    UnaryClientCall,
    UnaryServerCall,
)
from connectrpc_protocol.connect import client as connect_client
from connectrpc_protocol.connect import headers as connect_headers
from connectrpc_protocol.connect import server as connect_server
from connectrpc_protocol.grpc import client as grpc_client
from connectrpc_protocol.grpc import headers as grpc_headers
from connectrpc_protocol.grpc import server as grpc_server
from connectrpc_protocol.grpc_web import client as grpc_web_client
from connectrpc_protocol.grpc_web import headers as grpc_web_headers
from connectrpc_protocol.grpc_web import server as grpc_web_server
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ClientOptions, ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class _UnaryServer(Protocol):
    def __call__(
        self, method: Method[Req, Res], options: ServerOptions
    ) -> Sequence[ServerBinding[Req, Res, UnaryServerCall[Req, Res]]]: ...


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
    - `needs_trailers`: whether its responses end with HTTP trailers.
    - `has_get`: whether methods without side effects may be called with HTTP GET.
    - `unary_server`, `stream_server`: the bindings of a method on the server, one for each content
      type.
    - `unary_client`, `stream_client`: the binding of a method of a client. The base URL must not
      end with a slash.
    """

    name: str
    needs_trailers: bool
    has_get: bool
    unary_server: _UnaryServer
    stream_server: _StreamServer
    unary_client: _UnaryClient
    stream_client: _StreamClient


CONNECT = WireProtocol(
    name=connect_headers.PROTOCOL,
    needs_trailers=False,
    has_get=True,
    unary_server=connect_server.unary_bindings,
    stream_server=connect_server.stream_bindings,
    unary_client=connect_client.ConnectUnaryClientBinding,
    stream_client=connect_client.ConnectStreamClientBinding,
)
GRPC = WireProtocol(
    name=grpc_headers.PROTOCOL,
    needs_trailers=True,
    has_get=False,
    unary_server=grpc_server.unary_bindings,
    stream_server=grpc_server.stream_bindings,
    unary_client=grpc_client.GrpcUnaryClientBinding,
    stream_client=grpc_client.GrpcStreamClientBinding,
)
GRPC_WEB = WireProtocol(
    name=grpc_web_headers.PROTOCOL,
    needs_trailers=False,
    has_get=False,
    unary_server=grpc_web_server.unary_bindings,
    stream_server=grpc_web_server.stream_bindings,
    unary_client=grpc_web_client.GrpcWebUnaryClientBinding,
    stream_client=grpc_web_client.GrpcWebStreamClientBinding,
)

PROTOCOLS = (CONNECT, GRPC, GRPC_WEB)
