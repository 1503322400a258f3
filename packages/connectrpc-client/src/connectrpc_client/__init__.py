"""Async and sync Connect RPC clients."""

from connectrpc_client._async import Client
from connectrpc_client._calls_async import BidiCall, ClientStreamCall
from connectrpc_client._calls_sync import BidiCallSync, ClientStreamCallSync
from connectrpc_client._cancellation import Cancellation
from connectrpc_client._output import StreamOutput, StreamOutputSync, UnaryOutput
from connectrpc_client._sync import ClientSync
from connectrpc_client._transport import (
    Transport,
    TransportResponse,
    TransportResponseSync,
    TransportSync,
)
from connectrpc_client._version import __version__
from connectrpc_protocol import (
    BidiStreamInterceptor,
    BidiStreamInterceptorSync,
    ClientStreamInterceptor,
    ClientStreamInterceptorSync,
    Code,
    Codec,
    Compression,
    ConnectError,
    ContextKey,
    ErrorDetail,
    Headers,
    HeadersInput,
    IdempotencyLevel,
    Interceptor,
    InterceptorSync,
    MetadataInterceptor,
    MetadataInterceptorSync,
    Method,
    MethodKind,
    RequestContext,
    ServerStreamInterceptor,
    ServerStreamInterceptorSync,
    UnaryInterceptor,
    UnaryInterceptorSync,
)

__all__ = [
    "BidiCall",
    "BidiCallSync",
    "BidiStreamInterceptor",
    "BidiStreamInterceptorSync",
    "Cancellation",
    "Client",
    "ClientStreamCall",
    "ClientStreamCallSync",
    "ClientStreamInterceptor",
    "ClientStreamInterceptorSync",
    "ClientSync",
    "Code",
    "Codec",
    "Compression",
    "ConnectError",
    "ContextKey",
    "ErrorDetail",
    "Headers",
    "HeadersInput",
    "IdempotencyLevel",
    "Interceptor",
    "InterceptorSync",
    "MetadataInterceptor",
    "MetadataInterceptorSync",
    "Method",
    "MethodKind",
    "RequestContext",
    "ServerStreamInterceptor",
    "ServerStreamInterceptorSync",
    "StreamOutput",
    "StreamOutputSync",
    "Transport",
    "TransportResponse",
    "TransportResponseSync",
    "TransportSync",
    "UnaryInterceptor",
    "UnaryInterceptorSync",
    "UnaryOutput",
    "__version__",
]
