"""Connect RPC services as ASGI and WSGI applications."""

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
from connectrpc_server import cors
from connectrpc_server._access_log import AccessLog
from connectrpc_server._asgi.application import ASGIApplication
from connectrpc_server._asgi.handler import Handler
from connectrpc_server._combine import CombinedASGIApplication, CombinedWSGIApplication, combine
from connectrpc_server._host_request import asgi_scope, wsgi_environ
from connectrpc_server._wsgi.application import WSGIApplication
from connectrpc_server._wsgi.handler import HandlerSync

__all__ = [
    "ASGIApplication",
    "AccessLog",
    "BidiStreamInterceptor",
    "BidiStreamInterceptorSync",
    "ClientStreamInterceptor",
    "ClientStreamInterceptorSync",
    "Code",
    "Codec",
    "CodecName",
    "CombinedASGIApplication",
    "CombinedWSGIApplication",
    "Compression",
    "CompressionName",
    "ConnectError",
    "ContextKey",
    "ErrorDetail",
    "Handler",
    "HandlerSync",
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
    "UnaryInterceptor",
    "UnaryInterceptorSync",
    "WSGIApplication",
    "asgi_scope",
    "combine",
    "cors",
    "wsgi_environ",
]

_set_public_module(__name__)
