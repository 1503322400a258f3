"""Header lists for the CORS middleware of your framework, so that browsers may call services.

    CORSMiddleware(app, allow_origins=[...], allow_methods=cors.ALLOW_METHODS,
                   allow_headers=cors.ALLOW_HEADERS, expose_headers=cors.EXPOSE_HEADERS)

Add the names of your own metadata. Connect sends the trailers of unary calls as headers with the
prefix `trailer-`; `exposed_headers` adds those names, too.
"""

from collections.abc import Iterable

from connectrpc_protocol.cors import ALLOW_HEADERS, ALLOW_METHODS, EXPOSE_HEADERS

__all__ = ["ALLOW_HEADERS", "ALLOW_METHODS", "EXPOSE_HEADERS", "exposed_headers"]


def exposed_headers(
    response_headers: Iterable[str] = (), response_trailers: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return `EXPOSE_HEADERS` with the names of your own response headers and trailers."""
    trailers = tuple(response_trailers)
    return (*EXPOSE_HEADERS, *response_headers, *trailers, *(f"Trailer-{t}" for t in trailers))
