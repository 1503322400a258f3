"""Several services, and another application beside them, combined into one application."""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Never, cast, overload

from connectrpc_protocol.argument_checks import check_parameters
from connectrpc_protocol.representation import representation
from connectrpc_protocol.server import refuse_unknown_method
from connectrpc_server._asgi.application import ASGIApplication
from connectrpc_server._asgi.lifespan import run_lifespan, serve_lifespan
from connectrpc_server._asgi.response import respond_not_found as asgi_not_found
from connectrpc_server._asgi.types import ASGIApp, Receive, Scope, Send
from connectrpc_server._routing import find_service
from connectrpc_server._wsgi.application import WSGIApplication
from connectrpc_server._wsgi.request import request_headers
from connectrpc_server._wsgi.response import respond_not_found as wsgi_not_found
from connectrpc_server._wsgi.types import Environ, StartResponse, WSGIApp


class CombinedASGIApplication:
    """Serves several services. Other requests go to the fallback, or get 404 without one.

    A gRPC or gRPC-Web request for an unknown path gets `unimplemented`. Only a fallback that is an
    application of this package receives it.
    """

    def __init__(
        self, apps: Iterable[ASGIApplication[Never]], fallback: ASGIApp | None = None
    ) -> None:
        self._apps = {app.service_name: app for app in apps}
        self._fallback = fallback

    def __repr__(self) -> str:
        return representation(self, lambda: _summary(self._apps, self._fallback))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] == "lifespan":
            await serve_lifespan(self.lifespan(scope.get("state")), receive, send)
            return
        app: ASGIApp | None = self._fallback
        if scope["type"] == "http":
            app = find_service(self._apps, scope.get("root_path", ""), scope["path"])
            app = app or self._fallback or asgi_not_found
            is_ours = isinstance(app, ASGIApplication | CombinedASGIApplication)
            method, headers, path = scope["method"], scope["headers"], scope["path"]
            if not is_ours and refuse_unknown_method(method, headers, path) is not None:
                app = asgi_not_found
        if app is None:
            raise NotImplementedError(f"ASGI scopes of type {scope['type']!r} are not supported")
        await app(scope, receive, send)

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
    """Serves several services. Other requests go to the fallback, or get 404 without one.

    A gRPC or gRPC-Web request for an unknown path gets `unimplemented`. Only a fallback that is an
    application of this package receives it.
    """

    def __init__(
        self, apps: Iterable[WSGIApplication[Never]], fallback: WSGIApp | None = None
    ) -> None:
        self._apps = {app.service_name: app for app in apps}
        self._fallback = fallback

    def __repr__(self) -> str:
        return representation(self, lambda: _summary(self._apps, self._fallback))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI interface."""
        prefix, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
        app = find_service(self._apps, prefix, path) or self._fallback or wsgi_not_found
        is_ours = isinstance(app, WSGIApplication | CombinedWSGIApplication)
        method, headers = environ["REQUEST_METHOD"], request_headers(environ)
        if not is_ours and refuse_unknown_method(method, headers, path) is not None:
            app = wsgi_not_found
        return app(environ, start_response)


def _summary(services: Iterable[str], fallback: object) -> str:
    words = list(services)
    if fallback is not None:
        words.append(f"fallback={getattr(fallback, '__name__', type(fallback).__name__)}")
    return ", ".join(words)


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

    Raises `TypeError` if ASGI and WSGI applications are mixed, for an object that is not an
    application, and for a fallback that cannot be called as one; `ValueError` if two applications
    serve the same service or no application is given.
    """
    if not apps:
        raise ValueError("combine() needs at least one application")
    _check_applications(apps)
    asgi = [app for app in apps if isinstance(app, ASGIApplication)]
    wsgi = [app for app in apps if isinstance(app, WSGIApplication)]
    if asgi and wsgi:
        raise TypeError(
            f"combine() takes either ASGI or WSGI applications: {_name(asgi[0])} is an ASGI "
            f"application, {_name(wsgi[0])} is a WSGI application; use the …ASGIApplication or the "
            "…WSGIApplication of each service"
        )
    names = [app.service_name for app in apps]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(f"two applications serve the same service: {', '.join(twice)}")
    if asgi:
        _check_fallback(fallback, "an ASGI application", ("scope", "receive", "send"))
        return CombinedASGIApplication(asgi, cast("ASGIApp | None", fallback))
    _check_fallback(fallback, "a WSGI application", ("environ", "start_response"))
    return CombinedWSGIApplication(wsgi, cast("WSGIApp | None", fallback))


def _check_applications(apps: Iterable[object]) -> None:
    """Raise `TypeError`, which says what to write, for what is not an application of a service."""
    for app in apps:
        if not isinstance(app, ASGIApplication | WSGIApplication):
            raise TypeError(f"combine() takes applications of services: {_what_to_pass(app)}")


def _what_to_pass(app: object) -> str:
    name = _name(app)
    if isinstance(app, type):
        return f"{name} is a class; pass an instance of it, such as {name}(service)"
    if isinstance(app, CombinedASGIApplication | CombinedWSGIApplication):
        return "pass those that are combined already, or the combined one as fallback=…"
    if isinstance(app, Iterable):
        return f"write combine(*applications), not combine(applications) with a {name}"
    if callable(app):
        return f"pass {name} as fallback=…"
    return f"{name} is not one; pass the …ASGIApplication or …WSGIApplication of the service"


def _check_fallback(fallback: object, wanted: str, parameters: Sequence[str]) -> None:
    """Raise `TypeError` if a fallback cannot be called as an application of this interface."""
    if fallback is None:
        return
    if isinstance(fallback, type) or not callable(fallback):
        raise TypeError(f"the fallback must be {wanted}, not {fallback!r}")
    check_parameters(f"the fallback must be {wanted}: it", fallback, parameters)


def _name(value: object) -> str:
    return value.__name__ if isinstance(value, type) else type(value).__name__
