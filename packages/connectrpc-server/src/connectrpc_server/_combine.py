"""Several services, and another application beside them, as one application."""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Never, cast, overload

from connectrpc_protocol.http import NOT_FOUND
from connectrpc_server._asgi.application import ASGIApplication
from connectrpc_server._asgi.lifespan import run_lifespan, serve_lifespan
from connectrpc_server._asgi.response import refuse
from connectrpc_server._asgi.types import (
    ASGIApp,
    Environ,
    Receive,
    Scope,
    Send,
    StartResponse,
    WSGIApp,
)
from connectrpc_server._routing import find_service
from connectrpc_server._wsgi import endpoint as _wsgi_endpoint
from connectrpc_server._wsgi.application import WSGIApplication


class CombinedASGIApplication:
    """Services by their paths; everything else goes to the fallback, or is not found."""

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
            await refuse(NOT_FOUND, scope, receive, send)
        else:
            raise NotImplementedError(f"no support for ASGI scope {scope['type']!r}")

    @asynccontextmanager
    async def lifespan(
        self, state: MutableMapping[str, object] | None = None
    ) -> AsyncGenerator[None, None]:
        """Enters the lifespans of all applications; see `ASGIApplication.lifespan`.

        `state` is where the fallback leaves what its requests need (ASGI, "Lifespan State").
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
    """Services by their paths; everything else goes to the fallback, or is not found."""

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
            return _wsgi_endpoint.respond(NOT_FOUND, environ, start_response)
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
    """Several services as one application, with another application for all other paths.

    Raises `TypeError` where ASGI and WSGI applications are mixed, and `ValueError` where two
    applications serve the same service or there is none.
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
