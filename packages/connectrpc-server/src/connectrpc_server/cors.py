"""Header lists for the CORS middleware of your framework, so that browsers may call services.

    CORSMiddleware(app, allow_origins=[...], allow_methods=cors.ALLOW_METHODS,
                   allow_headers=cors.ALLOW_HEADERS, expose_headers=cors.EXPOSE_HEADERS)

Add the names of your own metadata; trailers of Connect unary calls are exposed as
`trailer-<name>`, see `exposed_headers`.
"""

from collections.abc import Iterable

ALLOW_METHODS = ("GET", "POST")

ALLOW_HEADERS = (
    "Content-Type",
    "Connect-Protocol-Version",
    "Connect-Timeout-Ms",
    "Connect-Accept-Encoding",
    "Connect-Content-Encoding",
    "Content-Encoding",
    "Grpc-Timeout",
    "X-Grpc-Web",
    "X-User-Agent",
)

EXPOSE_HEADERS = (
    "Content-Encoding",
    "Connect-Content-Encoding",
    "Grpc-Status",
    "Grpc-Message",
    "Grpc-Status-Details-Bin",
)


def exposed_headers(
    response_headers: Iterable[str] = (), response_trailers: Iterable[str] = ()
) -> tuple[str, ...]:
    """`EXPOSE_HEADERS` and the names of your own response headers and trailers."""
    trailers = tuple(response_trailers)
    return (*EXPOSE_HEADERS, *response_headers, *trailers, *(f"Trailer-{t}" for t in trailers))
