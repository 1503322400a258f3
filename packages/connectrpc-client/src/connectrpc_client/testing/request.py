"""How an application sees a request: as an ASGI scope or a WSGI environment."""

import sys
from collections.abc import Iterable
from typing import BinaryIO, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit
from wsgiref.types import WSGIEnvironment

from connectrpc_client._version import __version__
from connectrpc_client.testing.types import Scope
from connectrpc_protocol.http import HttpRequest

CLIENT = ("127.0.0.1", 49152)  # the first of the dynamic ports (RFC 6335, section 6)
HTTP_VERSION = "2"
_HTTP_VERSIONS = ("1.1", "2", "3")
_PORTS = {"http": 80, "https": 443}
_USER_AGENT = f"connectrpc-client/{__version__}"


class ConnectionInfo(NamedTuple):
    """The root path of the application, and its view of the connection to the client."""

    root_path: str
    client: tuple[str, int]
    http_version: str

    def scope(self, request: HttpRequest) -> Scope:
        """Return the ASGI scope ("HTTP Connection Scope"), whose path includes the root path."""
        url = self._split(request)
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": self.http_version,
            "method": request.method,
            "scheme": url.scheme,
            "path": unquote(url.path),
            "raw_path": url.path.encode("ascii"),
            "query_string": url.query.encode("ascii"),
            "root_path": self.root_path,
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in self._headers(request, url)
            ],
            "client": self.client,
            "server": (url.hostname, _port(url)),
            "extensions": {"http.response.trailers": {}},
        }

    def environ(self, request: HttpRequest, body: BinaryIO) -> WSGIEnvironment:
        """Return the WSGI environment (PEP 3333, "environ Variables")."""
        url = self._split(request)
        path = unquote(url.path).removeprefix(self.root_path)
        return {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": self.root_path.encode().decode("latin-1"),
            "PATH_INFO": path.encode().decode("latin-1"),
            "QUERY_STRING": url.query,
            "SERVER_NAME": url.hostname,
            "SERVER_PORT": str(_port(url)),
            "SERVER_PROTOCOL": f"HTTP/{self.http_version}",
            "REMOTE_ADDR": self.client[0],
            "REMOTE_PORT": str(self.client[1]),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": url.scheme,
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **_variables(self._headers(request, url)),
        }

    def _split(self, request: HttpRequest) -> SplitResult:
        url = urlsplit(request.url)
        if not unquote(url.path).startswith(self.root_path + "/"):
            raise ValueError(
                f"the URL does not begin with the root path {self.root_path!r}: {request.url}"
            )
        return url

    def _headers(self, request: HttpRequest, url: SplitResult) -> list[tuple[str, str]]:
        """Return the headers in lower case, with those that HTTP clients add."""
        headers = [(name.lower(), value) for name, value in request.headers]
        names = {name for name, _ in headers}
        added = {"host": url.netloc.rpartition("@")[2], "user-agent": _USER_AGENT}
        if request.body or (request.body is not None and request.method != "GET"):
            added["content-length"] = str(len(request.body))
        elif request.body is None and self.http_version == "1.1":
            added["transfer-encoding"] = "chunked"
        return headers + [pair for pair in added.items() if pair[0] not in names]


def connection_info(root_path: str, client: tuple[str, int], http_version: str) -> ConnectionInfo:
    """Check the options. Raises `ValueError`."""
    if root_path.endswith("/") or (root_path and not root_path.startswith("/")):
        raise ValueError(f"root_path must begin with '/' and must not end with one: {root_path!r}")
    if http_version not in _HTTP_VERSIONS:
        raise ValueError(f"http_version must be one of {_HTTP_VERSIONS}, not {http_version!r}")
    return ConnectionInfo(root_path, client, http_version)


def _port(url: SplitResult) -> int:
    return url.port or _PORTS[url.scheme]


def _variables(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers as variables; those of one name are joined (RFC 3875, section 4.1.18)."""
    variables: dict[str, str] = {}
    for name, value in headers:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        variables[key] = f"{variables[key]}, {value}" if key in variables else value
    return variables
