"""The differences between WSGI servers. No other WSGI module knows a server by its name."""

from typing import Protocol

from connectrpc_server import _drain
from connectrpc_server._wsgi.types import Environ

SERVERS_WITH_TRAILERS = "pyvoy"
"""The servers that send HTTP trailers over HTTP/2, as an error text names them."""

_SEND_TRAILERS = "wsgi.ext.http.send_trailers"


class ClientSocket(Protocol):
    """The part of a socket that bounds a wait for the client."""

    def gettimeout(self) -> float | None: ...

    def settimeout(self, value: float | None, /) -> None: ...


def has_trailers(environ: Environ) -> bool:
    """Return whether the server sends HTTP trailers. Of the WSGI servers, only pyvoy does."""
    return _SEND_TRAILERS in environ


def send_trailers(environ: Environ, trailers: list[tuple[str, str]]) -> None:
    """Send HTTP trailers, once, which ends the response."""
    environ[_SEND_TRAILERS](trailers)


def marks_end_of_body(environ: Environ) -> bool:
    """Return whether the server marks the end of a body of unknown length.

    A server that sends trailers knows where bodies end, but pyvoy does not set
    `wsgi.input_terminated`.
    """
    return bool(environ.get("wsgi.input_terminated")) or has_trailers(environ)


def client_socket(environ: Environ) -> ClientSocket | None:
    """Return the socket of the request if the server exposes it: gunicorn and werkzeug do."""
    socket: ClientSocket | None = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    return socket


def is_disconnect(error: Exception) -> bool:
    """Return whether an error of a read means that the client disconnected.

    pyvoy raises `RuntimeError` for that. Each server has its own exceptions for a malformed body.
    So every other exception means that the client sent such a body.
    """
    return isinstance(error, (ConnectionError, RuntimeError))


def must_drain(environ: Environ) -> bool:
    """Return whether the rest of the request is read before the response ends.

    Besides the rule of `_drain.must_drain`: pyvoy never needs it. pyvoy runs in Envoy, which closes
    a connection in a way that lets the client read the response first. Also, a read on pyvoy may
    block without a limit.
    """
    version = environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/")
    return _drain.must_drain(version) and not has_trailers(environ)


# The differences between servers are also the reason for two rules in other modules:
#
# - `StreamEndpoint` calls `start_response` before it returns the body. Granian takes the status and
#   the headers before it iterates over the body.
# - `respond` returns a list of one chunk if it can. pyvoy ends the response together with that
#   chunk, but later if it has to iterate. A client that stops sending its request when it sees an
#   error, as connect-go does, makes the request shorter than its content-length, and Envoy then
#   resets the stream (RFC 9114, section 4.1.2) unless the response has ended.
