"""The sync transport over pyqwest."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import cast

import pyqwest

from connectrpc_client._transports.errors import record_errors_sync
from connectrpc_client._transports.http_clients import PyqwestClient
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
from connectrpc_protocol.deadline import remaining
from connectrpc_protocol.http import HttpRequest


class PyqwestTransportSync:
    """See `BlockingTransport`."""

    has_trailers = True
    is_full_duplex = True
    raises_keyboard_interrupt = False
    enforces_deadline = True

    def __init__(self, client: PyqwestClient) -> None:
        self._client = cast("pyqwest.SyncClient", client)
        self._own: pyqwest.SyncHTTPTransport | None = None
        self._user_agent: Sequence[tuple[str, str]] = ()
        self._has_responded = False

    @classmethod
    def make(cls, *, http2: bool) -> "PyqwestTransportSync":
        """Return a transport with connections of its own."""
        runtime.start()
        own = pyqwest.SyncHTTPTransport(**default_options(http2=http2))
        transport = cls(pyqwest.SyncClient(own))
        transport._own = own
        transport._user_agent = USER_AGENT
        return transport

    def send(
        self, request: HttpRequest, body: Iterator[bytes] | None, deadline: float | None
    ) -> "_ResponseSync":
        runtime.start()
        body_errors: list[Exception] = []
        with translate_send_errors(
            body_errors, has_whole_body=body is None, may_reuse=self._has_responded
        ):
            exchange = self._client.stream(
                request.method,
                request.url,
                request_headers(request, self._user_agent),
                request.body if body is None else record_errors_sync(body, body_errors),
                timeout=remaining(deadline),
            )
            head = exchange.__enter__()
        self._has_responded = True
        response = _ResponseSync(exchange, head, body_errors)
        error = missing_trailers(request, head)
        if error is not None:
            response.close()
            raise error
        return response

    def close(self) -> None:
        if self._own is not None:
            self._own.close()


class _ResponseSync:
    __slots__ = ("_body_errors", "_exchange", "_response", "headers", "status")

    def __init__(
        self,
        exchange: AbstractContextManager[pyqwest.SyncResponse],
        response: pyqwest.SyncResponse,
        body_errors: list[Exception],
    ) -> None:
        self._exchange = exchange
        self._response = response
        self._body_errors = body_errors
        self.status = response.status
        self.headers = raw_headers(response.headers)

    def chunks(self, deadline: float | None) -> Iterator[bytes]:
        left = body_length(self._response)
        with translate_errors(self._body_errors):
            for chunk in self._response.content:
                yield bytes(chunk)
                left -= len(chunk)
                if left == 0:
                    return

    @property
    def trailers(self) -> RawHeaders:
        return raw_headers(self._response.trailers)

    def close(self) -> None:
        self._response.close()
