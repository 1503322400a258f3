"""What the async and the sync transport over pyqwest have in common."""

import atexit
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from http import HTTPStatus
from importlib.metadata import version
from typing import TypedDict

import pyqwest

from connectrpc_client._transports.errors import translated
from connectrpc_client._version import __version__
from connectrpc_protocol import Code, ConnectError, RawHeaders
from connectrpc_protocol.http import HttpRequest

USER_AGENT = (("user-agent", f"connectrpc-client/{__version__} pyqwest/{version('pyqwest')}"),)

# What pyqwest raises for what happens on the network.
_ERRORS = (
    OSError,  # its errors of connections and time-outs are of this kind
    pyqwest.ReadError,
    pyqwest.RemoteProtocolError,
    pyqwest.TooManyRedirects,
    pyqwest.WriteError,
)

# Before Python 3.14 a thread of pyqwest that comes back to Python while the interpreter ends aborts
# the process (CPython's issue 87135). They come back until shortly after the last call: of 120
# programs that ended right after a call, 14 were aborted, and none with this pause, in seconds.
_SETTLING = 0.05

# PROTOCOL-HTTP2.md of gRPC, "Errors": of a stream that was reset. The others are `internal`.
_STREAM_ERROR_CODES = {
    pyqwest.StreamErrorCode.REFUSED_STREAM: Code.UNAVAILABLE,
    pyqwest.StreamErrorCode.CANCEL: Code.CANCELED,
    pyqwest.StreamErrorCode.ENHANCE_YOUR_CALM: Code.RESOURCE_EXHAUSTED,
    pyqwest.StreamErrorCode.INADEQUATE_SECURITY: Code.PERMISSION_DENIED,
}


# What pyqwest says where the server ended the whole connection (RFC 9113, section 6.8).
_CONNECTION_ENDED = "connection error received: "

_NO_TRAILERS = (
    "pyqwest delivers no HTTP trailers over HTTP/3, which gRPC needs: use HTTP/2, or the protocol "
    "connect or grpc-web, which work over HTTP/3"
)


class Runtime:
    """The threads below pyqwest. They start with its first client, and no fork survives them.

    In a child that was forked later, every call would wait for ever.
    """

    __slots__ = ("_has_started", "is_lost")

    def __init__(self) -> None:
        self._has_started = self.is_lost = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def start(self) -> None:
        """Pyqwest is used now. Raises `RuntimeError` where it cannot be."""
        if self.is_lost:
            raise RuntimeError(
                "pyqwest was used before this process was forked, and cannot be used in it: make "
                "the first call after the fork, or start processes by 'spawn' or 'forkserver'"
            )
        if not self._has_started:
            self._has_started = True
            if sys.version_info < (3, 14):
                atexit.register(time.sleep, _SETTLING)

    def _forked(self) -> None:
        self.is_lost = self._has_started


runtime = Runtime()


class Options(TypedDict):
    """How connections of our own are made. See `pyqwest.HTTPTransport`."""

    tls_include_system_certs: bool
    http_version: pyqwest.HTTPVersion | None
    connect_timeout: float
    pool_max_idle_per_host: int
    enable_gzip: bool
    enable_brotli: bool
    enable_zstd: bool
    follow_redirects: bool
    enable_otel: bool


def options(*, http2: bool) -> Options:
    """HTTP/2 only, which needs no negotiation, or the version that is usual for the URL."""
    return {
        "tls_include_system_certs": True,
        "http_version": pyqwest.HTTPVersion.HTTP2 if http2 else None,
        "connect_timeout": 10.0,  # seconds
        "pool_max_idle_per_host": 20,
        # Bodies are decoded above, within the limits.
        "enable_gzip": False,
        "enable_brotli": False,
        "enable_zstd": False,
        "follow_redirects": False,
        "enable_otel": False,
    }


def headers_of(request: HttpRequest, more: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """What to send."""
    if request.body == b"" and request.method == "POST":
        # RFC 9110, section 8.6; pyqwest leaves it out.
        return (*request.headers, *more, ("content-length", "0"))
    return (*request.headers, *more)


def raw(headers: pyqwest.Headers) -> RawHeaders:
    """Headers or trailers that came."""
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def length(response: pyqwest.Response | pyqwest.SyncResponse) -> int:
    """The bytes of a body that ends with the last of them; -1 where its end has to be awaited.

    Over HTTP/1.1 nothing follows such a body (RFC 9112, section 6.3). Each wait goes through
    threads of pyqwest, and the one for the end is a fifth of the time of a small call.
    """
    if response.http_version is not pyqwest.HTTPVersion.HTTP1:
        return -1
    try:
        return int(response.headers.get("content-length", "-1"))
    except ValueError:
        return -1


def missing_trailers(
    request: HttpRequest, response: pyqwest.Response | pyqwest.SyncResponse
) -> ConnectError | None:
    """The error of a call that needs trailers, where pyqwest will not deliver them.

    Over HTTP/3 it drops those that came. A request says by `te` that it waits for them (RFC 9110,
    section 10.1.4), and without them even a call that succeeded would look like one that broke.
    """
    if response.http_version is not pyqwest.HTTPVersion.HTTP3:
        return None
    if response.status != HTTPStatus.OK:  # which says what is wrong
        return None
    if ("te", "trailers") not in request.headers:
        return None
    return ConnectError(Code.UNIMPLEMENTED, _NO_TRAILERS)


def translating(failures: Sequence[Exception]) -> AbstractContextManager[None]:
    """What pyqwest raises as `ConnectError`, what the request's iterator raised as it is."""
    return translated(_ERRORS, _connect_error, failures)


def _connect_error(exc: Exception) -> ConnectError:
    if isinstance(exc, pyqwest.StreamError):
        return ConnectError(_code_of(exc), str(exc))
    if isinstance(exc, TimeoutError) and not isinstance(exc, pyqwest.ConnectTimeout):
        return ConnectError(Code.DEADLINE_EXCEEDED, f"time-out: {exc}")
    return ConnectError(Code.UNAVAILABLE, str(exc))


def _code_of(error: pyqwest.StreamError) -> Code:
    # The code of a GOAWAY is about the connection, which other calls may have spoilt. Only the text
    # tells it from a reset of the stream.
    if _CONNECTION_ENDED in str(error):
        return Code.UNAVAILABLE
    return _STREAM_ERROR_CODES.get(error.code, Code.INTERNAL)
