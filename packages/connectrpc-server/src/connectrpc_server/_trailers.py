"""Calls that need HTTP trailers, on servers that send none."""

from functools import cache
from typing import Protocol

from connectrpc_protocol import Code, ConnectError, RequestContext
from connectrpc_protocol.http import HttpResponse
from connectrpc_server._log import logger

_TEXT = (
    "this server sends no HTTP trailers, which {protocol} needs: call it with Connect or gRPC-Web, "
    "or run the application on a server that sends trailers over HTTP/2 (docs/servers.md)"
)


class AnyCall(Protocol):
    """What unary calls and streams have in common."""

    @property
    def context(self) -> RequestContext: ...
    @property
    def needs_trailers(self) -> bool: ...
    def failure(self, exc: BaseException) -> HttpResponse: ...


def no_trailers(call: AnyCall) -> HttpResponse:
    """The answer to a call that this server cannot answer; the log has it once per service.

    It belongs to the operator, who cannot see the answer, as much as to the client.
    """
    text = _TEXT.format(protocol=call.context.protocol)
    _log_once(call.context.method.service, text)
    return call.failure(ConnectError(Code.UNIMPLEMENTED, text))


@cache  # grows with the services of this process, which no client can add to
def _log_once(service: str, text: str) -> None:
    logger.warning("%s: %s", service, text)
