"""What a client needs of an HTTP library. Implement these protocols to bring your own."""

from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from connectrpc_client._cancellation import Cancellation
from connectrpc_protocol import RawHeaders
from connectrpc_protocol.http import HttpRequest


class TransportResponse(Protocol):
    """An answer whose head has arrived."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> RawHeaders:
        """The headers, one pair for each value."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, without any decoding of `content-encoding`."""
        ...

    @property
    def trailers(self) -> RawHeaders:
        """The trailers, known once the body has ended."""
        ...

    async def aclose(self) -> None:
        """End the exchange; the rest of the body is not wanted."""
        ...


class Transport(Protocol):
    """Sends requests and receives answers, asynchronously.

    Failures are raised as `ConnectError`: `unavailable` where the server cannot be reached or the
    connection breaks. Cancellation and exceptions of the request body pass through.
    """

    @property
    def has_trailers(self) -> bool:
        """Whether answers come with their HTTP trailers, which gRPC needs."""
        ...

    @property
    def is_full_duplex(self) -> bool:
        """Whether an answer may arrive while the request is still being sent."""
        ...

    async def send(
        self, request: HttpRequest, body: AsyncIterator[bytes] | None, timeout: float | None
    ) -> TransportResponse:
        """Send a request and wait for the head of the answer.

        The body is `request.body`, or a stream where that is `None`. `timeout` is what remains for
        the whole call, in seconds; the client enforces it by cancellation.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class TransportResponseSync(Protocol):
    """An answer whose head has arrived."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> RawHeaders:
        """The headers, one pair for each value."""
        ...

    def chunks(self, timeout: float | None) -> Iterator[bytes]:
        """The body as it arrives, without any decoding of `content-encoding`.

        `timeout` is how long to wait for each chunk at most, in seconds.
        """
        ...

    @property
    def trailers(self) -> RawHeaders:
        """The trailers, known once the body has ended."""
        ...

    def close(self) -> None:
        """End the exchange; the rest of the body is not wanted.

        It may be called while another thread waits for a chunk, whose wait it should end. What
        that thread reads from must not be closed below it.
        """
        ...


class TransportSync(Protocol):
    """Sends requests and receives answers, synchronously. For failures see `Transport`.

    A time-out is raised as `ConnectError` with `deadline_exceeded`.
    """

    @property
    def has_trailers(self) -> bool:
        """Whether answers come with their HTTP trailers, which gRPC needs."""
        ...

    @property
    def is_full_duplex(self) -> bool:
        """Whether an answer may arrive while the request is still being sent."""
        ...

    def send(
        self,
        request: HttpRequest,
        body: Iterator[bytes] | None,
        timeout: float | None,
        cancellation: Cancellation | None = None,
    ) -> TransportResponseSync:
        """Send a request and wait for the head of the answer, for `timeout` seconds at most.

        A cancellation ends that wait, with `ConnectError` (`canceled`), and closes the answer.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
