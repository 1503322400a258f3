"""The WSGI application of one service."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from connectrpc_protocol import InterceptorSync
from connectrpc_protocol.interceptors.chain import InterceptorChainSync
from connectrpc_protocol.options import ServerOptions
from connectrpc_server._application import Application
from connectrpc_server._routing import find_route
from connectrpc_server._service_checks import checked_handlers
from connectrpc_server._wsgi.handler import HandlerSync
from connectrpc_server._wsgi.response import respond_not_found
from connectrpc_server._wsgi.types import Environ, StartResponse

S_contra = TypeVar("S_contra", contravariant=True)


class WSGIApplication(Application[S_contra, InterceptorSync], Generic[S_contra]):
    """A service as a WSGI application. The generated code has a subclass for each service.

    `service` is the object whose methods handle the calls. Each response is sent when the handler
    yields it, so a bidi stream is full duplex if the server passes requests on as they arrive.

    A deadline cannot interrupt a sync handler. It is checked when the handler is called, returns,
    yields a response, and reads a request.

    For the options see `__init__`.
    """

    def _serve(
        self, service: S_contra, interceptors: Iterable[InterceptorSync], options: ServerOptions
    ) -> None:
        chain = InterceptorChainSync(interceptors)
        handlers = checked_handlers(self, service, is_async=False)
        chain.check_are_reached({handler.method.kind for handler in handlers}, self.service_name)
        self._routes = {
            handler.method.path: handler.endpoint(chain, options) for handler in handlers
        }

    @abstractmethod
    def handlers(self, service: S_contra) -> Sequence[HandlerSync]:
        """Return one handler for each RPC of the service."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI interface."""
        path = environ.get("PATH_INFO", "")
        endpoint = find_route(self._routes, environ.get("SCRIPT_NAME", ""), path)
        if endpoint is None:
            return respond_not_found(environ, start_response)
        return endpoint(environ, start_response)
