"""Transports, the interface of clients to an HTTP library. Implement it to use another library."""

from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from connectrpc_client._cancellation import Cancellation
from connectrpc_protocol import RawHeaders
from connectrpc_protocol.http import HttpRequest


class TransportResponse(Protocol):
    """A response whose head has arrived."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> RawHeaders:
        """The headers, as one pair for each value."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. `content-encoding` is not decoded."""
        ...

    @property
    def trailers(self) -> RawHeaders:
        """The trailers. They are read after the body has ended."""
        ...

    async def aclose(self) -> None:
        """End the exchange. The client does not read the rest of the body."""
        ...


class Transport(Protocol):
    """Sends requests and receives responses, asynchronously.

    It raises failures as `ConnectError`: `unavailable` if the server cannot be reached or the
    connection breaks. Cancellation and exceptions of the request body pass through unchanged.
    """

    @property
    def has_trailers(self) -> bool:
        """Whether responses have their HTTP trailers, which gRPC needs."""
        ...

    @property
    def is_full_duplex(self) -> bool:
        """Whether a response may arrive while the request is still being sent."""
        ...

    async def send(
        self, request: HttpRequest, body: AsyncIterator[bytes] | None, deadline: float | None
    ) -> TransportResponse:
        """Send a request and wait for the response head.

        The request body is `request.body`, or the iterator `body` if `request.body` is `None`.
        The whole call must end by `deadline`, in seconds on the clock of `time.monotonic`. The
        client cancels `send` and the reading of chunks at the deadline; a transport only needs it
        to switch off, or to set, the timeouts of its library.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class TransportResponseSync(Protocol):
    """A response whose head has arrived."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> RawHeaders:
        """The headers, as one pair for each value."""
        ...

    def chunks(self, deadline: float | None) -> Iterator[bytes]:
        """The body as it arrives. `content-encoding` is not decoded.

        `deadline` is that of `TransportSync.send`: a wait for a chunk must not last longer.
        """
        ...

    @property
    def trailers(self) -> RawHeaders:
        """The trailers. They are read after the body has ended."""
        ...

    def close(self) -> None:
        """End the exchange. The client does not read the rest of the body.

        Another thread may be waiting for a chunk at that time. `close` should end that wait, but
        must not close the file descriptor from which the thread reads.
        """
        ...


class TransportSync(Protocol):
    """Sends requests and receives responses, synchronously.

    It raises failures as `Transport` does, and `deadline_exceeded` for a timeout.
    """

    @property
    def has_trailers(self) -> bool:
        """Whether responses have their HTTP trailers, which gRPC needs."""
        ...

    @property
    def is_full_duplex(self) -> bool:
        """Whether a response may arrive while the request is still being sent."""
        ...

    def send(
        self,
        request: HttpRequest,
        body: Iterator[bytes] | None,
        deadline: float | None,
        cancellation: Cancellation | None = None,
    ) -> TransportResponseSync:
        """Send a request and wait for the response head, until the deadline.

        The request body is `request.body`, or the iterator `body` if `request.body` is `None`.
        The whole call must end by `deadline`, in seconds on the clock of `time.monotonic`. A
        cancellation ends the wait with `ConnectError` (`canceled`), and closes the response.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
