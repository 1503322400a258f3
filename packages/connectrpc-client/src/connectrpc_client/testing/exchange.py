"""One request and its answer, handed from side to side: the same for every kind of application."""

import logging
from typing import NamedTuple

from connectrpc_client._cancellation import canceled
from connectrpc_client.testing.waiting import PENDING, Pending, Signal
from connectrpc_protocol import Code, ConnectError, RawHeaders

PATIENCE = 5.0
"""How long an application may go on once its clients are gone, in seconds."""

_logger = logging.getLogger("connectrpc_client.testing")


class ClientGoneError(ConnectionError):
    """What an application sees that reads from or writes to a client that went away."""

    def __init__(self) -> None:
        super().__init__("the client is gone")


class Received(NamedTuple):
    """A piece of the request's body; `is_last` where nothing follows."""

    data: bytes
    is_last: bool


class Exchange:
    """The state of one request and its answer.

    Each direction holds one piece of a body at most: whoever writes the next one waits until it
    was read. Methods that return `Pending` are attempts, the others changes, for `Signal`. The
    client's side calls those of the first group, the application's side those of the second.
    """

    def __init__(self, body: bytes | None) -> None:
        self.signal = Signal()
        self.status = 0
        self.headers: RawHeaders = ()
        self.trailers: RawHeaders = ()
        self._request = None if body is None else Received(body, is_last=True)
        self._chunk: bytes | None = None
        self._has_ended = False  # nothing more is written to the answer
        self._has_returned = False
        self._is_client_gone = False
        self._failure: BaseException | None = None
        self._is_failure_told = False

    # The client's side.

    def offer(self, data: bytes, *, is_last: bool = False) -> bool | Pending:
        """Send a piece of the request's body; false when nobody will read it."""
        if self._is_client_gone or self._has_returned or self._failure is not None:
            return False
        if self._request is not None:
            return PENDING
        self._request = Received(data, is_last)
        return True

    def fail_request(self, exc: BaseException) -> None:
        """The body of the request failed, which for the application is the end of its client."""
        if not self._is_over:
            self._failure = exc
        elif isinstance(exc, Exception):
            _logger.error("the request failed after the end of its call", exc_info=exc)

    def head(self) -> Pending | None:
        """The status and the headers of the answer are there. Raises what ended it before."""
        if not self.status:
            self._check()
            return PENDING
        return None

    def take(self) -> bytes | Pending | None:
        """The next piece of the answer's body, `None` after the last. Raises what ended it.

        The answer has ended once the application has returned, so that nothing it does afterwards
        is lost: neither its failure nor its traces.
        """
        chunk, self._chunk = self._chunk, None
        if chunk is not None:
            return chunk
        self._check()
        return None if self._has_returned else PENDING

    def leave(self) -> None:
        """The client goes away."""
        if self._failure is not None and not self._is_failure_told:
            self._is_failure_told = True
            _logger.error(
                "the call failed, and its client went away without having heard of it",
                exc_info=self._failure,
            )
        self._is_client_gone = True
        self._chunk = self._request = None

    def _check(self) -> None:
        if self._failure is not None:
            self._is_failure_told = True
            raise self._failure
        if self._is_client_gone:
            raise canceled()

    # The application's side.

    def receive(self) -> Received | Pending | None:
        """The next piece of the request's body; `None` when the client is gone or was answered."""
        if self._is_over or self._has_ended:
            return None
        received, self._request = self._request, None
        if received is None:
            return PENDING
        return received

    def start(self, status: int, headers: RawHeaders) -> None:
        """The head of the answer. Raises `ClientGoneError`."""
        if self._is_over:
            raise ClientGoneError
        self.headers = in_lower_case(headers)
        self.status = status

    def put(self, data: bytes) -> Pending | None:
        """Write a piece of the answer's body. Raises `ClientGoneError`."""
        if self._is_over:
            raise ClientGoneError
        if self._chunk is not None:
            return PENDING
        self._chunk = data or None
        return None

    def end(self, trailers: RawHeaders) -> None:
        """The answer is complete."""
        self.trailers = in_lower_case(trailers)
        self._has_ended = True

    def returned(self, exc: BaseException | None) -> None:
        """The application has returned or raised."""
        if self._is_over:
            if isinstance(exc, Exception) and not isinstance(exc, ClientGoneError):
                _logger.error("the application failed after the end of its call", exc_info=exc)
        elif exc is not None:
            self._failure = _failure(f"the application raised {type(exc).__name__}: {exc}", exc)
        elif not self._has_ended:
            self._failure = _failure("the application returned before its answer was complete")
        self._has_returned = True

    @property
    def _is_over(self) -> bool:
        return self._is_client_gone or self._failure is not None


def in_lower_case(headers: RawHeaders) -> RawHeaders:
    """Headers with names in lower case, as clients get them."""
    return [(bytes(name).lower(), bytes(value)) for name, value in headers]


def _failure(message: str, cause: BaseException | None = None) -> ConnectError:
    error = ConnectError(Code.INTERNAL, message)
    error.__cause__ = cause
    return error
