"""The ASGI scope or the WSGI environment of a call, for handlers and interceptors.

The endpoints store it in the context of each call. The core does not know these interfaces, so the
context holds a plain object.
"""

from typing import cast

from connectrpc_protocol import RequestContext
from connectrpc_server._asgi.types import Scope
from connectrpc_server._wsgi.types import Environ


def asgi_scope(ctx: RequestContext) -> Scope:
    """Return the ASGI scope of a call: the object that the application got, not a copy.

    Raises `RuntimeError` if an ASGI application does not handle the call, and `TypeError` if the
    argument is not a context.
    """
    request = _host_request(ctx, "asgi_scope()", "an ASGI")
    if _is_environ(request):
        raise RuntimeError("asgi_scope(): a WSGI application handles this call; use wsgi_environ()")
    return request


def wsgi_environ(ctx: RequestContext) -> Environ:
    """Return the WSGI environment of a call: the object that the application got, not a copy.

    Raises `RuntimeError` if a WSGI application does not handle the call, and `TypeError` if the
    argument is not a context.
    """
    request = _host_request(ctx, "wsgi_environ()", "a WSGI")
    if not _is_environ(request):
        raise RuntimeError(
            "wsgi_environ(): an ASGI application handles this call; use asgi_scope()"
        )
    return cast("Environ", request)


def _host_request(ctx: object, function: str, interface: str) -> Scope:
    # Callers without a type checker may pass a request of their framework.
    if not isinstance(ctx, RequestContext):
        raise TypeError(f"{function} takes the context of a call, not a {type(ctx).__name__}")
    if ctx.host_request is None:
        raise RuntimeError(
            f"{function}: this context does not belong to a call of {interface} application; a "
            "client or a test made it"
        )
    return cast("Scope", ctx.host_request)


def _is_environ(request: Scope) -> bool:
    return "wsgi.input" in request  # a key of every environment (PEP 3333, "environ Variables")
