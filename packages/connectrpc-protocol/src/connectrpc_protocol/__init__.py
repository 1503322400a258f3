"""The Connect, gRPC and gRPC-Web protocols, sans-IO, for clients and servers.

This package does not use sockets or an event loop. Users of clients and servers import the names
that they need from `connectrpc_client` or `connectrpc_server`.
"""

from connectrpc_protocol.code import Code
from connectrpc_protocol.codegen_support import deprecated, lazy_attributes, lazy_exports
from connectrpc_protocol.context import ContextKey, RequestContext
from connectrpc_protocol.encoding.brotli import Brotli
from connectrpc_protocol.encoding.codec import Codec, ProtoCodec
from connectrpc_protocol.encoding.compression import (
    Compression,
    Compressions,
    available_compressions,
    resolve_compression,
)
from connectrpc_protocol.encoding.deflate import Deflate
from connectrpc_protocol.encoding.gzip import Gzip
from connectrpc_protocol.encoding.json_codec import JsonCodec
from connectrpc_protocol.encoding.snappy import Snappy
from connectrpc_protocol.encoding.zstd import Zstd
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
from connectrpc_protocol.names import CodecName, CompressionName, ProtocolName
from connectrpc_protocol.public_names import set_public_module as _set_public_module

__all__ = [
    "BidiStreamInterceptor",
    "BidiStreamInterceptorSync",
    "Brotli",
    "ClientStreamInterceptor",
    "ClientStreamInterceptorSync",
    "Code",
    "Codec",
    "CodecName",
    "Compression",
    "CompressionName",
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
    "ProtocolName",
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
    "lazy_exports",
    "resolve_compression",
    "too_large",
]

_set_public_module(__name__)
