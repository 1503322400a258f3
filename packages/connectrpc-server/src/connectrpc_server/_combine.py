"""Several services, and another application beside them, combined into one application."""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Never, cast, overload

from connectrpc_protocol.http import NOT_FOUND
from connectrpc_server._asgi.application import ASGIApplication
from connectrpc_server._asgi.lifespan import run_lifespan, serve_lifespan
from connectrpc_server._asgi.request import AsgiRequest
from connectrpc_server._asgi.response import respond as respond_asgi
from connectrpc_server._asgi.types import ASGIApp, Receive, Scope, Send
from connectrpc_server._limits import STREAM_DRAIN_PAUSE
from connectrpc_server._routing import find_service
from connectrpc_server._wsgi.application import WSGIApplication
from connectrpc_server._wsgi.request import WsgiRequest
from connectrpc_server._wsgi.response import respond as respond_wsgi
from connectrpc_server._wsgi.types import Environ, StartResponse, WSGIApp


class CombinedASGIApplication:
    """Serves several services. Other requests go to the fallback, or get 404 without one."""

    def __init__(
        self, apps: Iterable[ASGIApplication[Never]], fallback: ASGIApp | None = None
    ) -> None:
        self._apps = {app.service_name: app for app in apps}
        self._fallback = fallback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] == "lifespan":
            await serve_lifespan(self.lifespan(scope.get("state")), receive, send)
            return
        app: ASGIApp | None = self._fallback
        if scope["type"] == "http":
            found = find_service(self._apps, scope.get("root_path", ""), scope["path"])
            app = found or self._fallback
        if app is not None:
            await app(scope, receive, send)
        elif scope["type"] == "http":
            await respond_asgi(NOT_FOUND, AsgiRequest(scope, receive, send, STREAM_DRAIN_PAUSE))
        else:
            raise NotImplementedError(f"ASGI scopes of type {scope['type']!r} are not supported")

    @asynccontextmanager
    async def lifespan(
        self, state: MutableMapping[str, object] | None = None
    ) -> AsyncGenerator[None, None]:
        """Enter the lifespans of all applications; see `ASGIApplication.lifespan`.

        The fallback stores values for its requests in `state` (ASGI, "Lifespan State").
        """
        async with AsyncExitStack() as stack:
            for app in self._apps.values():
                await stack.enter_async_context(app.lifespan())
            if self._fallback is not None:
                await stack.enter_async_context(
                    run_lifespan(self._fallback, {} if state is None else state)
                )
            yield


class CombinedWSGIApplication:
    """Serves several services. Other requests go to the fallback, or get 404 without one."""

    def __init__(
        self, apps: Iterable[WSGIApplication[Never]], fallback: WSGIApp | None = None
    ) -> None:
        self._apps = {app.service_name: app for app in apps}
        self._fallback = fallback

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI interface."""
        prefix, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
        app = find_service(self._apps, prefix, path) or self._fallback
        if app is None:
            return respond_wsgi(NOT_FOUND, WsgiRequest(environ, start_response))
        return app(environ, start_response)


@overload
def combine(
    *apps: ASGIApplication[Never], fallback: ASGIApp | None = None
) -> CombinedASGIApplication: ...
@overload
def combine(
    *apps: WSGIApplication[Never], fallback: WSGIApp | None = None
) -> CombinedWSGIApplication: ...
def combine(
    *apps: ASGIApplication[Never] | WSGIApplication[Never],
    fallback: ASGIApp | WSGIApp | None = None,
) -> CombinedASGIApplication | CombinedWSGIApplication:
    """Combine several services into one application, with a fallback for all other paths.

    Raises `TypeError` if ASGI and WSGI applications are mixed, and `ValueError` if two applications
    serve the same service or no application is given.
    """
    if not apps:
        raise ValueError("combine() needs at least one application")
    names = [app.service_name for app in apps]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(f"two applications serve the same service: {', '.join(twice)}")
    asgi = [app for app in apps if isinstance(app, ASGIApplication)]
    wsgi = [app for app in apps if isinstance(app, WSGIApplication)]
    if len(asgi) == len(apps):
        return CombinedASGIApplication(asgi, cast("ASGIApp | None", fallback))
    if len(wsgi) == len(apps):
        return CombinedWSGIApplication(wsgi, cast("WSGIApp | None", fallback))
    raise TypeError("combine() takes either ASGI or WSGI applications of connectrpc_server")
