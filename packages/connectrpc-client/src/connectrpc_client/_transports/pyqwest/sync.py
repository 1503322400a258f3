"""pyqwest, sync: HTTP/1.1, 2 and 3, full duplex, with trailers but over HTTP/3."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import cast

import pyqwest

from connectrpc_client._transports.errors import noting_sync
from connectrpc_client._transports.http_clients import PyqwestClient
from connectrpc_client._transports.pyqwest import common
from connectrpc_protocol import RawHeaders
from connectrpc_protocol.http import HttpRequest


class PyqwestTransportSync:
    """See `PlainTransportSync`."""

    has_trailers = True
    is_full_duplex = True
    hears_ctrl_c = False
    keeps_deadlines = True

    def __init__(self, client: PyqwestClient) -> None:
        self._client = cast("pyqwest.SyncClient", client)
        self._own: pyqwest.SyncHTTPTransport | None = None
        self._user_agent: Sequence[tuple[str, str]] = ()

    @classmethod
    def make(cls, *, http2: bool) -> "PyqwestTransportSync":
        """A transport with connections of its own."""
        common.runtime.start()
        own = pyqwest.SyncHTTPTransport(**common.options(http2=http2))
        transport = cls(pyqwest.SyncClient(own))
        transport._own = own
        transport._user_agent = common.USER_AGENT
        return transport

    def send(
        self, request: HttpRequest, body: Iterator[bytes] | None, timeout: float | None
    ) -> "_ResponseSync":
        common.runtime.start()
        failures: list[Exception] = []
        with common.translating(failures):
            exchange = self._client.stream(
                request.method,
                request.url,
                common.headers_of(request, self._user_agent),
                request.body if body is None else noting_sync(body, failures),
                timeout=timeout,
            )
            answer = exchange.__enter__()
        response = _ResponseSync(exchange, answer, failures)
        error = common.missing_trailers(request, answer)
        if error is not None:
            response.close()
            raise error
        return response

    def close(self) -> None:
        if self._own is not None:
            self._own.close()


class _ResponseSync:
    __slots__ = ("_exchange", "_failures", "_response", "headers", "status")

    def __init__(
        self,
        exchange: AbstractContextManager[pyqwest.SyncResponse],
        response: pyqwest.SyncResponse,
        failures: list[Exception],
    ) -> None:
        self._exchange = exchange
        self._response = response
        self._failures = failures
        self.status = response.status
        self.headers = common.raw(response.headers)

    def chunks(self, timeout: float | None) -> Iterator[bytes]:
        left = common.length(self._response)
        with common.translating(self._failures):
            for chunk in self._response.content:
                yield bytes(chunk)
                left -= len(chunk)
                if left == 0:
                    return

    @property
    def trailers(self) -> RawHeaders:
        return common.raw(self._response.trailers)

    def close(self) -> None:
        self._response.close()
