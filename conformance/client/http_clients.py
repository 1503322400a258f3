"""The HTTP clients that the clients under test use: async and sync, of each library."""

from functools import cache
from typing import Any, TypedDict

import httpx
import pyqwest
from connectrpc.conformance.v1.client_compat_pb2 import ClientCompatRequest
from connectrpc.conformance.v1.config_pb2 import HTTPVersion

from common.tls import client_context

SHARE_HTTP2 = ("pyqwest",)
"""Libraries whose calls can share an HTTP/2 connection.

With httpx 0.28, calls on a connection fail if another call on it is or was cancelled; see
`upstream/httpx_http2.py`.
"""

_VERSIONS = {
    HTTPVersion.HTTP_VERSION_1: pyqwest.HTTPVersion.HTTP1,
    HTTPVersion.HTTP_VERSION_2: pyqwest.HTTPVersion.HTTP2,
    HTTPVersion.HTTP_VERSION_3: pyqwest.HTTPVersion.HTTP3,
}


def httpx_async(request: ClientCompatRequest) -> httpx.AsyncClient:
    return httpx.AsyncClient(**_httpx_options(request))


def httpx_sync(request: ClientCompatRequest) -> httpx.Client:
    return httpx.Client(**_httpx_options(request))


def pyqwest_async(request: ClientCompatRequest) -> pyqwest.Client:
    return pyqwest.Client(pyqwest.HTTPTransport(**_pyqwest_options(request)))


def pyqwest_sync(request: ClientCompatRequest) -> pyqwest.SyncClient:
    return pyqwest.SyncClient(pyqwest.SyncHTTPTransport(**_pyqwest_options(request)))


_context = cache(client_context)


class _HttpxOptions(TypedDict):
    http1: bool
    http2: bool
    verify: Any
    timeout: None
    trust_env: bool


def _httpx_options(request: ClientCompatRequest) -> _HttpxOptions:
    creds = request.client_tls_creds
    is_http2 = request.http_version == HTTPVersion.HTTP_VERSION_2
    return _HttpxOptions(
        http1=not is_http2,
        http2=is_http2,
        verify=_context(request.server_tls_cert, creds.cert, creds.key),
        timeout=None,
        trust_env=False,  # proxies in the environment are not for servers on this machine
    )


class _PyqwestOptions(TypedDict):
    http_version: pyqwest.HTTPVersion
    tls_ca_cert: bytes | None
    tls_cert: bytes | None
    tls_key: bytes | None
    enable_gzip: bool
    enable_brotli: bool
    enable_zstd: bool


def _pyqwest_options(request: ClientCompatRequest) -> _PyqwestOptions:
    creds = request.client_tls_creds
    return _PyqwestOptions(
        http_version=_VERSIONS[request.http_version],
        tls_ca_cert=request.server_tls_cert or None,
        tls_cert=creds.cert or None,
        tls_key=creds.key or None,
        # Our client decompresses bodies itself, within its limits.
        enable_gzip=False,
        enable_brotli=False,
        enable_zstd=False,
    )
