"""One request and its response, between a client and an application of any kind."""

import logging
from typing import NamedTuple

from connectrpc_client._cancellation import canceled
from connectrpc_client.testing.waiting import PENDING, Monitor, Pending
from connectrpc_protocol import Code, ConnectError, RawHeaders

GRACE_PERIOD = 5.0
"""How long an application may go on after its clients have disconnected, in seconds.

An application that takes longer than this in a test has hung.
"""

_logger = logging.getLogger("connectrpc_client.testing")


class ClientGoneError(ConnectionError):
    """Raised to an application that reads or writes after its client has disconnected."""

    def __init__(self) -> None:
        super().__init__("the client is gone")


class Received(NamedTuple):
    """A chunk of the request body; `is_last` if nothing follows it."""

    data: bytes
    is_last: bool


class Exchange:
    """The state of one request and its response.

    Each direction holds at most one chunk of a body: the side that writes the next chunk waits
    until the other side has read the one before it. Methods that may return `PENDING` are attempts
    for `Monitor`, the others are changes. The client's side calls the methods of the first group,
    the application's side those of the second group.
    """

    def __init__(self, body: bytes | None) -> None:
        self.monitor = Monitor()
        self.status = 0
        self.headers: RawHeaders = ()
        self.trailers: RawHeaders = ()
        self._request = None if body is None else Received(body, is_last=True)
        self._chunk: bytes | None = None
        self._is_complete = False  # the whole response was written
        self._has_returned = False
        self._is_client_gone = False
        self._failure: BaseException | None = None
        self._is_failure_reported = False

    # For the client.

    def offer(self, data: bytes, *, is_last: bool = False) -> bool | Pending:
        """Send a chunk of the request body. Returns false if it will not be read."""
        if self._is_client_gone or self._has_returned or self._failure is not None:
            return False
        if self._request is not None:
            return PENDING
        self._request = Received(data, is_last)
        return True

    def fail_request(self, exc: BaseException) -> None:
        """Note that the request body failed. The application sees this as a disconnect."""
        if not self._is_over:
            self._failure = exc
        elif isinstance(exc, Exception):
            _logger.error("the request failed after the end of its call", exc_info=exc)

    def head(self) -> Pending | None:
        """Return when the response head has arrived. Raises what ended the exchange before."""
        if not self.status:
            self._check()
            return PENDING
        return None

    def take(self) -> bytes | Pending | None:
        """Return the next chunk of the response body, or `None` after the last one.

        The response does not end before the application has returned, so that the client also gets
        a failure after the last chunk. Raises what ended the exchange early.
        """
        chunk, self._chunk = self._chunk, None
        if chunk is not None:
            return chunk
        self._check()
        return None if self._has_returned else PENDING

    def disconnect(self) -> None:
        """End the exchange on the client's side."""
        if self._failure is not None and not self._is_failure_reported:
            self._is_failure_reported = True
            _logger.error(
                "the call failed, and its client disconnected before it could see that",
                exc_info=self._failure,
            )
        self._is_client_gone = True
        self._chunk = self._request = None

    def _check(self) -> None:
        if self._failure is not None:
            self._is_failure_reported = True
            raise self._failure
        if self._is_client_gone:
            raise canceled()

    # For the application.

    def receive(self) -> Received | Pending | None:
        """Return the next chunk of the request body.

        Returns `None` if the client has disconnected, or if the response is complete.
        """
        if self._is_over or self._is_complete:
            return None
        received, self._request = self._request, None
        if received is None:
            return PENDING
        return received

    def start(self, status: int, headers: RawHeaders) -> None:
        """Write the response head. Raises `ClientGoneError`."""
        if self._is_over:
            raise ClientGoneError
        self.headers = in_lower_case(headers)
        self.status = status

    def put(self, data: bytes) -> Pending | None:
        """Write a chunk of the response body. Raises `ClientGoneError`."""
        if self._is_over:
            raise ClientGoneError
        if self._chunk is not None:
            return PENDING
        self._chunk = data or None
        return None

    def end(self, trailers: RawHeaders) -> None:
        """Complete the response."""
        self.trailers = in_lower_case(trailers)
        self._is_complete = True

    def application_returned(self, exc: BaseException | None) -> None:
        """Note that the application has returned, or raised `exc`."""
        if self._is_over:
            if isinstance(exc, Exception) and not isinstance(exc, ClientGoneError):
                _logger.error("the application failed after the end of its call", exc_info=exc)
        elif exc is not None:
            self._failure = _failure(f"the application raised {type(exc).__name__}: {exc}", exc)
        elif not self._is_complete:
            self._failure = _failure("the application returned before its response was complete")
        self._has_returned = True

    @property
    def _is_over(self) -> bool:
        return self._is_client_gone or self._failure is not None


def in_lower_case(headers: RawHeaders) -> RawHeaders:
    """Return the headers with their names in lower case, as HTTP/2 delivers them to clients."""
    return [(bytes(name).lower(), bytes(value)) for name, value in headers]


def _failure(message: str, cause: BaseException | None = None) -> ConnectError:
    error = ConnectError(Code.INTERNAL, message)
    error.__cause__ = cause
    return error
