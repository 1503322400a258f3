"""The ASGI application of one service."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import ClassVar, Generic, TypeVar, cast

from connectrpc_protocol import Codec, Compression, Interceptor
from connectrpc_protocol.encoding.codec import DEFAULT_CODECS
from connectrpc_protocol.http import NOT_FOUND
from connectrpc_protocol.interceptors.chain import InterceptorChain
from connectrpc_protocol.options import (
    COMPRESS_MIN_BYTES,
    READ_MAX_BYTES,
    ServerOptions,
    server_compressions,
)
from connectrpc_server._asgi.endpoint import Endpoint
from connectrpc_server._asgi.handler import Handler, check_service
from connectrpc_server._asgi.lifespan import serve_lifespan
from connectrpc_server._asgi.response import refuse
from connectrpc_server._asgi.types import Receive, Scope, Send
from connectrpc_server._routing import find_route

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)


class ASGIApplication(ABC, Generic[S_contra]):
    """A service as an ASGI application; the generated code has a subclass for each service.

    `service` is the object that answers the calls, or an async context manager or async generator
    that yields it: that one is entered when the server starts (ASGI lifespan) and left when it
    stops. For the options see `connectrpc_protocol.options.ServerOptions`.

    Raises `TypeError` for an interceptor that would never be called and a handler of the wrong
    kind, `ValueError` for a bad option, `ImportError` for a compression that is not installed.
    """

    service_name: ClassVar[str]

    def __init__(
        self,
        service: S_contra | AbstractAsyncContextManager[S_contra] | AsyncIterator[S_contra],
        *,
        interceptors: Iterable[Interceptor] = (),
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
        self._options = ServerOptions(
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
        self._chain = InterceptorChain(interceptors)
        self._routes: dict[str, Endpoint] = {}
        self._open: Callable[[], AbstractAsyncContextManager[S_contra]] | None = None
        check_service(service)
        if isinstance(service, AsyncGenerator):
            self._open = _once(cast("AsyncGenerator[S_contra, None]", service))
        elif isinstance(service, AbstractAsyncContextManager):
            self._open = partial(_same, service)
        else:
            self._bind(cast("S_contra", service))

    @property
    def path(self) -> str:
        """The path of the service, such as `/acme.eliza.v1.ElizaService`, for mounting."""
        return f"/{self.service_name}"

    @abstractmethod
    def handlers(self, service: S_contra) -> Sequence[Handler]:
        """One handler for each RPC of the service."""

    def _bind(self, service: S_contra) -> None:
        self._routes = {
            handler.method.path: handler.endpoint(self._chain, self._options)
            for handler in self.handlers(service)
        }

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None, None]:
        """Enters the context manager that yields the service, if there is one.

        The ASGI lifespan of a server does it unasked. Frameworks do not hand that on to mounted
        applications; enter it in the lifespan of the outer application.
        """
        if self._open is None:
            yield
        else:
            async with self._open() as service:
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
                await refuse(NOT_FOUND, scope, receive, send)
        elif kind == "lifespan":
            await serve_lifespan(self.lifespan(), receive, send)
        else:
            raise NotImplementedError(f"no support for ASGI scope {kind!r}")

    def _check_started(self) -> None:
        if self._open is not None and not self._routes:
            raise RuntimeError(
                f"{self.service_name}: the service is not there: the server ran no ASGI lifespan; "
                "enter `lifespan()` of this application in the lifespan of the outer one"
            )


def _same(context: AbstractAsyncContextManager[S]) -> AbstractAsyncContextManager[S]:
    return context


def _once(generator: AsyncGenerator[S, None]) -> Callable[[], AbstractAsyncContextManager[S]]:
    """The context manager of a generator, which can be entered once."""
    unused = [asynccontextmanager(lambda: generator)()]

    def take() -> AbstractAsyncContextManager[S]:
        if not unused:
            raise RuntimeError("the async generator of the service was used before")
        return unused.pop()

    return take
