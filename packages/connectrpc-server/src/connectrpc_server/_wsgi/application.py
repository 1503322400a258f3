"""The WSGI application of one service."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from connectrpc_protocol import Codec, Compression, InterceptorSync
from connectrpc_protocol.encoding.codec import DEFAULT_CODECS
from connectrpc_protocol.http import NOT_FOUND
from connectrpc_protocol.interceptors.chain import InterceptorChainSync
from connectrpc_protocol.options import (
    COMPRESS_MIN_BYTES,
    READ_MAX_BYTES,
    ServerOptions,
    server_compressions,
)
from connectrpc_server._asgi.handler import HandlerSync, check_service
from connectrpc_server._asgi.types import Environ, StartResponse
from connectrpc_server._routing import find_route
from connectrpc_server._wsgi.endpoint import respond

S_contra = TypeVar("S_contra", contravariant=True)


class WSGIApplication(ABC, Generic[S_contra]):
    """A service as a WSGI application; the generated code has a subclass for each service.

    `service` is the object that answers the calls. Responses leave as a handler yields them, so a
    bidi stream is full duplex wherever the server, like pyvoy over HTTP/2, passes requests on as
    they come. For the options see `connectrpc_protocol.options.ServerOptions`; a deadline cannot
    interrupt a sync handler, so it is checked when the handler is called, returns, yields, or reads
    a request.

    Raises `TypeError` for an interceptor that would never be called and a handler of the wrong
    kind, `ValueError` for a bad option, `ImportError` for a compression that is not installed.
    """

    service_name: ClassVar[str]

    def __init__(
        self,
        service: S_contra,
        *,
        interceptors: Iterable[InterceptorSync] = (),
        read_max_bytes: int | None = READ_MAX_BYTES,
        send_max_bytes: int | None = None,
        compress_min_bytes: int = COMPRESS_MIN_BYTES,
        compressions: Iterable[str | Compression] | None = None,
        codecs: Iterable[Codec] = DEFAULT_CODECS,
        default_timeout_ms: int | None = None,
        max_timeout_ms: int | None = None,
        require_connect_protocol_header: bool = False,
        expose_errors: bool = False,
    ) -> None:
        options = ServerOptions(
            read_max_bytes=read_max_bytes,
            send_max_bytes=send_max_bytes,
            compress_min_bytes=compress_min_bytes,
            compressions=server_compressions(compressions),
            codecs=tuple(codecs),
            default_timeout_ms=default_timeout_ms,
            max_timeout_ms=max_timeout_ms,
            require_connect_protocol_header=require_connect_protocol_header,
            expose_errors=expose_errors,
        )
        check_service(service)
        chain = InterceptorChainSync(interceptors)
        self._routes = {
            handler.method.path: handler.endpoint(chain, options)
            for handler in self.handlers(service)
        }

    @property
    def path(self) -> str:
        """The path of the service, such as `/acme.eliza.v1.ElizaService`, for mounting."""
        return f"/{self.service_name}"

    @abstractmethod
    def handlers(self, service: S_contra) -> Sequence[HandlerSync]:
        """One handler for each RPC of the service."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI interface."""
        path = environ.get("PATH_INFO", "")
        endpoint = find_route(self._routes, environ.get("SCRIPT_NAME", ""), path)
        if endpoint is None:
            return respond(NOT_FOUND, environ, start_response)
        return endpoint(environ, start_response)
