"""The errors of the server: a client that disconnected, and calls that need HTTP trailers."""

from functools import cache
from typing import Protocol

from connectrpc_protocol import Code, ConnectError, RequestContext
from connectrpc_protocol.http import HttpResponse
from connectrpc_server._logging import logger


class ClientDisconnected(ConnectError):
    """The client disconnected and will not read a response."""

    def __init__(self) -> None:
        super().__init__(Code.CANCELED, "the client disconnected")


class CancelledByServer(ConnectError):
    """The server cancelled the call, which servers do when they stop."""

    def __init__(self) -> None:
        super().__init__(Code.UNAVAILABLE, "the server is stopping")


class ServerCall(Protocol):
    """The part that unary calls and calls with streams on a server have in common."""

    @property
    def context(self) -> RequestContext: ...
    @property
    def needs_trailers(self) -> bool: ...
    def failure(self, exc: BaseException) -> HttpResponse: ...


def refuse_without_trailers(call: ServerCall, http_version: str, servers: str) -> HttpResponse:
    """Return the response to a call that needs HTTP trailers, on a server that does not send them.

    `servers` names the servers that send them. The operator has to change the server and does not
    see the response. So the text is logged too, once for each service, protocol and HTTP version.
    """
    major = http_version[:1]  # some servers report HTTP/2 as "2", others as "2.0"
    text = (
        f"{call.context.protocol} needs HTTP trailers, which this server does not send over "
        f"HTTP/{'1.1' if major == '1' else major}: use Connect or gRPC-Web, or HTTP/2 on {servers}"
    )
    _log_once(call.context.method.service, text)
    return call.failure(ConnectError(Code.UNIMPLEMENTED, text))


@cache  # its size is bounded, because the arguments have few values
def _log_once(service: str, text: str) -> None:
    logger.warning("%s: %s", service, text)
