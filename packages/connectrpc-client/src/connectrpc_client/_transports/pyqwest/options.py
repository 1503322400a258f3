"""The options of default connections, and the headers that pyqwest does not set by itself."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import TypedDict

import pyqwest

from connectrpc_client._transports.delivery import IDLE_EXPIRY
from connectrpc_client._version import __version__
from connectrpc_protocol.http import HttpRequest

USER_AGENT = (("user-agent", f"connectrpc-client/{__version__} pyqwest/{version('pyqwest')}"),)


class Options(TypedDict):
    """See `pyqwest.HTTPTransport`."""

    tls_include_system_certs: bool
    http_version: pyqwest.HTTPVersion | None
    connect_timeout: float
    pool_idle_timeout: float
    pool_max_idle_per_host: int
    enable_gzip: bool
    enable_brotli: bool
    enable_zstd: bool
    follow_redirects: bool
    enable_otel: bool


def default_options(*, http2: bool) -> Options:
    """Return the options of default connections.

    With `http2` they use only HTTP/2, without negotiation. Otherwise they use HTTP/1.1 for
    `http://`, and for `https://` the server chooses the version.
    """
    return {
        "tls_include_system_certs": True,
        "http_version": pyqwest.HTTPVersion.HTTP2 if http2 else None,
        # Seconds. A server that can be reached accepts in far less; the rest of a call takes as
        # long as its deadline allows.
        "connect_timeout": 10.0,
        "pool_idle_timeout": IDLE_EXPIRY,
        "pool_max_idle_per_host": 20,  # httpx keeps as many by default, for all hosts
        # The protocol layer decompresses bodies, within the limits of messages.
        "enable_gzip": False,
        "enable_brotli": False,
        "enable_zstd": False,
        "follow_redirects": False,
        "enable_otel": False,
    }


def request_headers(
    request: HttpRequest, user_agent: Sequence[tuple[str, str]]
) -> Sequence[tuple[str, str]]:
    """Return the headers of the request, with the user agent unless the request has its own."""
    if user_agent and "user-agent" in dict(request.headers):
        user_agent = ()
    if request.body == b"" and request.method == "POST":
        # RFC 9110, section 8.6; pyqwest leaves it out.
        return (*request.headers, *user_agent, ("content-length", "0"))
    return (*request.headers, *user_agent)
