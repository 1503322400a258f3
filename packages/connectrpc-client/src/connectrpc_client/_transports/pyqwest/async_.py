"""The async transport over pyqwest."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import cast

import pyqwest

from connectrpc_client._transports.errors import record_errors
from connectrpc_client._transports.http_clients import PyqwestAsyncClient
from connectrpc_client._transports.pyqwest.errors import (
    missing_trailers,
    translate_errors,
    translate_send_errors,
)
from connectrpc_client._transports.pyqwest.options import (
    USER_AGENT,
    default_options,
    request_headers,
)
from connectrpc_client._transports.pyqwest.response import body_length, raw_headers
from connectrpc_client._transports.pyqwest.runtime import runtime
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
        self._has_responded = False

    @classmethod
    def make(cls, *, http2: bool) -> "PyqwestTransport":
        """Return a transport with connections of its own."""
        runtime.start()
        own = pyqwest.HTTPTransport(**default_options(http2=http2))
        transport = cls(pyqwest.Client(own))
        transport._own = own
        transport._user_agent = USER_AGENT
        return transport

    async def send(
        self, request: HttpRequest, body: AsyncIterator[bytes] | None, deadline: float | None
    ) -> "_Response":
        runtime.start()
        body_errors: list[Exception] = []
        with translate_send_errors(
            body_errors, has_whole_body=body is None, may_reuse=self._has_responded
        ):
            exchange = self._client.stream(
                request.method,
                request.url,
                request_headers(request, self._user_agent),
                request.body if body is None else record_errors(body, body_errors),
            )
            head = await exchange.__aenter__()
        self._has_responded = True
        response = _Response(exchange, head, body_errors)
        error = missing_trailers(request, head)
        if error is not None:
            await response.aclose()
            raise error
        return response

    async def aclose(self) -> None:
        if self._own is not None:
            await self._own.aclose()


class _Response:
    __slots__ = ("_body_errors", "_exchange", "_response", "headers", "status")

    def __init__(
        self,
        exchange: AbstractAsyncContextManager[pyqwest.Response],
        response: pyqwest.Response,
        body_errors: list[Exception],
    ) -> None:
        self._exchange = exchange
        self._response = response
        self._body_errors = body_errors
        self.status = response.status
        self.headers = raw_headers(response.headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        left = body_length(self._response)
        with translate_errors(self._body_errors):
            async for chunk in self._response.content:
                yield bytes(chunk)
                left -= len(chunk)
                if left == 0:
                    return

    @property
    def trailers(self) -> RawHeaders:
        return raw_headers(self._response.trailers)

    async def aclose(self) -> None:
        await self._exchange.__aexit__(None, None, None)
