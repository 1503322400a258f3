"""What is tested: one row for each server and each client."""

from typing import Literal, NamedTuple

Side = Literal["server", "client"]


class Row(NamedTuple):
    """One program under test.

    `program` is the script and its arguments, `features` the file that says what it supports, both
    in this folder. `skip` holds patterns of cases that the features cannot exclude.
    """

    name: str
    side: Side
    program: tuple[str, ...]
    features: str
    skip: tuple[str, ...] = ()


def _server(name: str, features: str, *arguments: str) -> Row:
    return Row(name, "server", ("server.py", *arguments), f"features/{features}.yaml")


def _client(name: str, skip: tuple[str, ...] = ()) -> Row:
    return Row(name, "client", ("client.py", name), "features/client.yaml", skip)


# A sync call that returns one message blocks until it is there: there is nothing to cancel it by.
# The other cases of cancellation run: a stream can be closed, and requests can stop with an error.
_BLOCKING = (
    "Client Cancellation/**/unary/cancel-after-close-send",
    "Client Cancellation/**/client-stream/cancel-after-close-send",
)

ROWS = (
    _server("uvicorn-zttp", "server-http2", "uvicorn", "zttp"),
    _server("uvicorn-httptools", "server-http1", "uvicorn", "httptools"),
    _server("uvicorn-h11", "server-http1", "uvicorn", "h11"),
    _server("pyvoy-asgi", "server-http3", "pyvoy", "asgi"),
    _server("hypercorn", "server-http3", "hypercorn"),
    _server("granian", "granian", "granian"),
    _server("daphne", "daphne", "daphne"),
    _server("gunicorn-gthread", "server-http1", "gunicorn"),
    _server("pyvoy-wsgi", "server-http3", "pyvoy", "wsgi"),
    _client("httpx-async"),
    _client("httpx-sync", skip=_BLOCKING),
)
