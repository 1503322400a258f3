"""pyqwest, async: HTTP/1.1, 2 and 3, full duplex, with trailers but over HTTP/3."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import cast

import pyqwest

from connectrpc_client._transports.errors import noting
from connectrpc_client._transports.http_clients import PyqwestAsyncClient
from connectrpc_client._transports.pyqwest import common
from connectrpc_protocol import RawHeaders
from connectrpc_protocol.http import HttpRequest


class PyqwestTransport:
    """See `connectrpc_client.Transport`."""

    has_trailers = True
    is_full_duplex = True

    def __init__(self, client: PyqwestAsyncClient) -> None:
        self._client = cast("pyqwest.Client", client)
        self._own: pyqwest.HTTPTransport | None = None
        self._user_agent: Sequence[tuple[str, str]] = ()

    @classmethod
    def make(cls, *, http2: bool) -> "PyqwestTransport":
        """A transport with connections of its own."""
        common.runtime.start()
        own = pyqwest.HTTPTransport(**common.options(http2=http2))
        transport = cls(pyqwest.Client(own))
        transport._own = own
        transport._user_agent = common.USER_AGENT
        return transport

    async def send(
        self, request: HttpRequest, body: AsyncIterator[bytes] | None, timeout: float | None
    ) -> "_Response":
        common.runtime.start()
        failures: list[Exception] = []
        with common.translating(failures):
            exchange = self._client.stream(
                request.method,
                request.url,
                common.headers_of(request, self._user_agent),
                request.body if body is None else noting(body, failures),
            )
            answer = await exchange.__aenter__()
        response = _Response(exchange, answer, failures)
        error = common.missing_trailers(request, answer)
        if error is not None:
            await response.aclose()
            raise error
        return response

    async def aclose(self) -> None:
        if self._own is not None:
            await self._own.aclose()


class _Response:
    __slots__ = ("_exchange", "_failures", "_response", "headers", "status")

    def __init__(
        self,
        exchange: AbstractAsyncContextManager[pyqwest.Response],
        response: pyqwest.Response,
        failures: list[Exception],
    ) -> None:
        self._exchange = exchange
        self._response = response
        self._failures = failures
        self.status = response.status
        self.headers = common.raw(response.headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        left = common.length(self._response)
        with common.translating(self._failures):
            async for chunk in self._response.content:
                yield bytes(chunk)
                left -= len(chunk)
                if left == 0:
                    return

    @property
    def trailers(self) -> RawHeaders:
        return common.raw(self._response.trailers)

    async def aclose(self) -> None:
        await self._exchange.__aexit__(None, None, None)
