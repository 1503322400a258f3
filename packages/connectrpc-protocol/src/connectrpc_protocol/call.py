"""The seam between hosts and protocols: call objects with the same methods in every protocol.

There is one object for each call. It does not do any input or output. The code that drives it, a
*host* such as the ASGI endpoint or the async client, reads bytes and passes them in, and writes the
bytes that it gets back.

Malformed bytes from a peer raise `ConnectError`, and never another exception. On the server, the
host passes every exception back through `failure` or `end`, including those of a codec that cannot
encode a message.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.headers import RawHeaders
from connectrpc_protocol.http import End, Head, HttpRequest, HttpResponse

Req_contra = TypeVar("Req_contra", bound=Message, contravariant=True)
Req_co = TypeVar("Req_co", bound=Message, covariant=True)
Res_contra = TypeVar("Res_contra", bound=Message, contravariant=True)
Res_co = TypeVar("Res_co", bound=Message, covariant=True)

Fields = Mapping[bytes, bytes]
"""Request headers by name, for quick lookup. Of several values, the last one counts."""

Peer = tuple[str, int] | None
"""The address and the port of the client, if the HTTP server knows them."""


class BodyPrefixes(Protocol):
    """The part of a body that says how large the rest is. See `UnaryServerCall.prefixes`."""

    @property
    def wanted(self) -> int:
        """The number of bytes that are missing from the next prefix or message."""
        ...

    def feed(self, chunk: bytes) -> None:
        """Take a chunk. Raises `ConnectError` if a prefix promises too much."""
        ...


class UnaryServerCall(Protocol[Req_co, Res_contra]):
    """One call with one request and one response, on the server.

    The host reads the body if `has_body`, up to `read_limit`. Then it calls `request`, `encode` and
    `response`. If one of them or the handler raises, it calls `failure` instead of the rest.
    """

    @property
    def context(self) -> RequestContext:
        """The context for the handler and the interceptors."""
        ...

    @property
    def needs_trailers(self) -> bool:
        """True if the response ends with HTTP trailers.

        If the HTTP server cannot send them, the host sends `failure(...).without_trailers()`.
        """
        ...

    @property
    def has_body(self) -> bool:
        """True if the request has a body to read. A GET has its message in the query."""
        ...

    @property
    def read_limit(self) -> int | None:
        """The largest body to read, in bytes, or `None` for no limit.

        If the body is larger, the host sends `failure(too_large())`.
        """
        ...

    def too_large(self) -> ConnectError:
        """Return the error of a body beyond `read_limit`. Its text names the limit of messages."""
        ...

    def prefixes(self) -> BodyPrefixes | None:
        """Return a new reader for the prefixes of the body, or `None` if it does not have them.

        A host whose reads block asks it how much to read, and passes each chunk to it.
        """
        ...

    def request(self, body: bytes) -> Req_co:
        """Return the request message of a body."""
        ...

    def encode(self, message: Res_contra) -> bytes:
        """Return the bytes of the response message.

        This is separate from `response`, so that metadata interceptors see an encoding error and
        may still add trailers.
        """
        ...

    def response(self, body: bytes) -> HttpResponse:
        """Return the response of a successful call. `body` is the result of `encode`."""
        ...

    def failure(self, exc: BaseException) -> HttpResponse:
        """Return the response of a failed call."""
        ...


class StreamServerCall(Protocol[Req_co, Res_contra]):
    """One call with a stream in at least one direction, on the server.

    The host passes the bytes that it reads to `feed`, then calls `feed_end`. It sends `head()`,
    then `message()` for each response, then `end()`. If the call fails before the host sent the
    head, it sends `failure()` instead.
    """

    @property
    def context(self) -> RequestContext:
        """The context for the handler and the interceptors."""
        ...

    @property
    def needs_trailers(self) -> bool:
        """See `UnaryServerCall.needs_trailers`."""
        ...

    @property
    def wanted(self) -> int:
        """The number of bytes that are missing from the next message.

        This is a good size for a blocking read.
        """
        ...

    def feed(self, chunk: bytes) -> Iterator[Req_co]:
        """Take a chunk of the body; return the requests that it completes."""
        ...

    def feed_end(self) -> None:
        """Take the end of the body."""
        ...

    def head(self) -> Head:
        """Return the response head. From then on, the response headers cannot be changed."""
        ...

    def message(self, message: Res_contra) -> bytes:
        """Return the bytes of a response message."""
        ...

    def end(self, exc: BaseException | None = None) -> End:
        """Return the end of the response, with the error of a failed call."""
        ...

    def failure(self, exc: BaseException) -> HttpResponse:
        """Return the whole response of a call that failed before its head was sent."""
        ...


class UnaryClientCall(Protocol[Req_contra, Res_co]):
    """One call with one request and one response, on the client.

    The host sends `request()`, reads the response and passes it to `response`.
    """

    @property
    def read_limit(self) -> int | None:
        """The largest body to read, in bytes, or `None` for no limit.

        If the body is larger, the host raises `too_large()`.
        """
        ...

    def too_large(self) -> ConnectError:
        """See `UnaryServerCall.too_large`."""
        ...

    def request(self, message: Req_contra) -> HttpRequest:
        """Return the request to send."""
        ...

    def response(
        self, status: int, headers: RawHeaders, body: bytes, trailers: RawHeaders = ()
    ) -> Res_co:
        """Return the response message, and store headers and trailers in the context.

        Raises `ConnectError` if the call failed.
        """
        ...


class StreamClientCall(Protocol[Req_contra, Res_co]):
    """One call with a stream in at least one direction, on the client.

    The host sends `head()`, then `message()` for each request. It passes the response head to
    `start`, then the bytes of the body to `feed`, then the trailers to `end`.
    """

    def head(self) -> HttpRequest:
        """Return the head of the request. Its body is a stream."""
        ...

    def message(self, message: Req_contra) -> bytes:
        """Return the bytes of a request message."""
        ...

    def start(self, status: int, headers: RawHeaders) -> None:
        """Take the response head. Raises `ConnectError` if it shows that the call failed."""
        ...

    def feed(self, chunk: bytes) -> Iterator[Res_co]:
        """Take a chunk of the body; return the responses that it completes."""
        ...

    def end(self, trailers: RawHeaders = ()) -> None:
        """Take the end of the response. Raises `ConnectError` if the call failed."""
        ...
