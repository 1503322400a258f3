"""Async and sync Connect RPC clients."""

from connectrpc_client._async.client import Client
from connectrpc_client._async.open_call import BidiCall, ClientStreamCall
from connectrpc_client._async.output import StreamOutput
from connectrpc_client._cancellation import Cancellation
from connectrpc_client._response import UnaryOutput
from connectrpc_client._sync.client import ClientSync
from connectrpc_client._sync.open_call import BidiCallSync, ClientStreamCallSync
from connectrpc_client._sync.output import StreamOutputSync
from connectrpc_client._transports.interface import (
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
    CodecName,
    Compression,
    CompressionName,
    ConnectError,
    ContextKey,
    ErrorDetail,
    Headers,
    HeadersInput,
    IdempotencyLevel,
    Interceptor,
    InterceptorSync,
    JsonCodec,
    MetadataInterceptor,
    MetadataInterceptorSync,
    Method,
    MethodKind,
    ProtoCodec,
    ProtocolName,
    RequestContext,
    ServerStreamInterceptor,
    ServerStreamInterceptorSync,
    UnaryInterceptor,
    UnaryInterceptorSync,
)
from connectrpc_protocol.public_names import set_public_module as _set_public_module

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
    "CodecName",
    "Compression",
    "CompressionName",
    "ConnectError",
    "ContextKey",
    "ErrorDetail",
    "Headers",
    "HeadersInput",
    "IdempotencyLevel",
    "Interceptor",
    "InterceptorSync",
    "JsonCodec",
    "MetadataInterceptor",
    "MetadataInterceptorSync",
    "Method",
    "MethodKind",
    "ProtoCodec",
    "ProtocolName",
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

_set_public_module(__name__)
