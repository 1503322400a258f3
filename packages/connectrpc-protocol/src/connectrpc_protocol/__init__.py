"""Connect, gRPC and gRPC-Web, sans-IO: what clients and servers have in common.

Users import what they need from `connectrpc-client` and `connectrpc-server`; this package has
neither sockets nor an event loop.
"""

from connectrpc_protocol.code import Code
from connectrpc_protocol.codegen_support import deprecated, lazy_attributes
from connectrpc_protocol.context import ContextKey, RequestContext
from connectrpc_protocol.encoding.codec import Codec, JsonCodec, ProtoCodec
from connectrpc_protocol.encoding.compression import (
    Brotli,
    Compression,
    Compressions,
    Deflate,
    Gzip,
    Zstd,
    available_compressions,
    resolve_compression,
)
from connectrpc_protocol.encoding.snappy import Snappy
from connectrpc_protocol.errors import ConnectError, ErrorDetail, too_large
from connectrpc_protocol.headers import Headers, HeadersInput, RawHeaders
from connectrpc_protocol.interceptors.types import (
    BidiStreamInterceptor,
    BidiStreamInterceptorSync,
    ClientStreamInterceptor,
    ClientStreamInterceptorSync,
    Interceptor,
    InterceptorSync,
    MetadataInterceptor,
    MetadataInterceptorSync,
    ServerStreamInterceptor,
    ServerStreamInterceptorSync,
    UnaryInterceptor,
    UnaryInterceptorSync,
)
from connectrpc_protocol.method import IdempotencyLevel, Method, MethodKind

__all__ = [
    "BidiStreamInterceptor",
    "BidiStreamInterceptorSync",
    "Brotli",
    "ClientStreamInterceptor",
    "ClientStreamInterceptorSync",
    "Code",
    "Codec",
    "Compression",
    "Compressions",
    "ConnectError",
    "ContextKey",
    "Deflate",
    "ErrorDetail",
    "Gzip",
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
    "RawHeaders",
    "RequestContext",
    "ServerStreamInterceptor",
    "ServerStreamInterceptorSync",
    "Snappy",
    "UnaryInterceptor",
    "UnaryInterceptorSync",
    "Zstd",
    "available_compressions",
    "deprecated",
    "lazy_attributes",
    "resolve_compression",
    "too_large",
]
