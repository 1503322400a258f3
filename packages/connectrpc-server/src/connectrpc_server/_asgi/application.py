"""The ASGI application of one service."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Generic, TypeVar, cast

from connectrpc_protocol import Interceptor
from connectrpc_protocol.interceptors.chain import InterceptorChain
from connectrpc_protocol.method_kinds import method_kinds
from connectrpc_protocol.options import ServerOptions
from connectrpc_server._application import Application
from connectrpc_server._asgi.handler import Handler
from connectrpc_server._asgi.lifespan import serve_lifespan
from connectrpc_server._asgi.response import respond_not_found
from connectrpc_server._asgi.types import ASGIApp, Receive, Scope, Send
from connectrpc_server._mocks import is_mock
from connectrpc_server._routing import find_route
from connectrpc_server._service_checks import checked_handlers

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)


class ASGIApplication(
    Application[
        S_contra | AbstractAsyncContextManager[S_contra] | AsyncIterator[S_contra], Interceptor
    ],
    Generic[S_contra],
):
    """A service as an ASGI application. The generated code has a subclass for each service.

    `service` is the object whose methods handle the calls. It may also be an async context manager
    or an async generator that yields this object: the application enters it when the server starts
    (ASGI lifespan) and leaves it when the server stops. For the options see `__init__`.
    """

    def _serve(
        self,
        service: S_contra | AbstractAsyncContextManager[S_contra] | AsyncIterator[S_contra],
        interceptors: Iterable[Interceptor],
        options: ServerOptions,
    ) -> None:
        self._options = options
        self._chain = InterceptorChain(interceptors)
        self._chain.check_are_reached(method_kinds(type(self)), self.service_name)
        self._routes: dict[str, ASGIApp] = {}
        self._context: AbstractAsyncContextManager[S_contra] | None = None
        if isinstance(service, AsyncGenerator):
            self._context = _GeneratorContext(cast("AsyncGenerator[S_contra, None]", service))
        elif isinstance(service, AbstractAsyncContextManager) and not is_mock(
            cast("object", service)
        ):
            self._context = service
        else:
            self._bind(cast("S_contra", service))

    @abstractmethod
    def handlers(self, service: S_contra) -> Sequence[Handler]:
        """Return one handler for each RPC of the service."""

    def _bind(self, service: S_contra) -> None:
        handlers = checked_handlers(self, service, is_async=True)
        self._chain.check_are_reached(
            {handler.method.kind for handler in handlers}, self.service_name
        )
        self._routes = {
            handler.method.path: handler.endpoint(self._chain, self._options)
            for handler in handlers
        }

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None, None]:
        """Enter the context manager that yields the service, if there is one.

        On a server that supports ASGI lifespans, the application enters it when the server starts.
        Frameworks do not run the lifespan of a mounted application: enter this one in the lifespan
        of the outer application.
        """
        if self._context is None:
            yield
        else:
            async with self._context as service:
                self._bind(service)
                try:
                    yield
                finally:
                    self._routes = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        kind = scope["type"]
        if kind == "http":
            endpoint = self._routes.get(scope["path"])
            if endpoint is None:
                endpoint = find_route(self._routes, scope.get("root_path", ""), scope["path"])
            if endpoint is not None:
                await endpoint(scope, receive, send)
            else:
                self._check_started()
                await respond_not_found(scope, receive, send)
        elif kind == "lifespan":
            await serve_lifespan(self.lifespan(), receive, send)
        else:
            raise NotImplementedError(f"ASGI scopes of type {kind!r} are not supported")

    def _check_started(self) -> None:
        if self._context is not None and not self._routes:
            raise RuntimeError(
                f"{self.service_name}: the service was not started: the server did not run the "
                "ASGI lifespan of this application; if the application is mounted, enter its "
                "`lifespan()` in the lifespan of the outer application"
            )


class _GeneratorContext(AbstractAsyncContextManager[S]):
    """The context manager of an async generator, which can be entered once."""

    def __init__(self, generator: AsyncGenerator[S, None]) -> None:
        self._context = asynccontextmanager(lambda: generator)()
        self._was_entered = False

    async def __aenter__(self) -> S:
        if self._was_entered:
            raise RuntimeError("the async generator of the service was used before")
        self._was_entered = True
        return await self._context.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._context.__aexit__(exc_type, exc, traceback)
