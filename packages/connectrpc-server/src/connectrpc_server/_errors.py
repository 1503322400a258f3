"""Calls that need HTTP trailers, on servers that send none."""

from functools import cache
from typing import Protocol

from connectrpc_protocol import Code, ConnectError, RequestContext
from connectrpc_protocol.http import HttpResponse
from connectrpc_server._logging import logger

ASGI_SERVERS = "uvicorn --http zttp --http2, Hypercorn or pyvoy"
WSGI_SERVERS = "pyvoy"
"""Where such calls can be answered, and over HTTP/2."""

_TEXT = (
    "this server sends no HTTP trailers over HTTP/{version}, which {protocol} needs: "
    "call it with Connect or gRPC-Web, or over HTTP/2 on {servers}"
)


class ClientDisconnected(ConnectError):
    """The client went away; nobody is left to answer."""

    def __init__(self) -> None:
        super().__init__(Code.CANCELED, "the client disconnected")


class AnyCall(Protocol):
    """What unary calls and streams have in common."""

    @property
    def context(self) -> RequestContext: ...
    @property
    def needs_trailers(self) -> bool: ...
    def failure(self, exc: BaseException) -> HttpResponse: ...


def no_trailers(call: AnyCall, version: str, servers: str) -> HttpResponse:
    """The answer to a call that this server cannot answer; the log has it once per service.

    It belongs to the operator, who cannot see the answer, as much as to the client. `version` is
    that of HTTP, and `servers` those that can answer.
    """
    major = version[:1]  # all that servers have checked, and all that distinguishes them
    text = _TEXT.format(
        version="1.1" if major == "1" else major, protocol=call.context.protocol, servers=servers
    )
    _log_once(call.context.method.service, text)
    return call.failure(ConnectError(Code.UNIMPLEMENTED, text))


@cache  # grows with the services of this process, which no client can add to
def _log_once(service: str, text: str) -> None:
    logger.warning("%s: %s", service, text)
