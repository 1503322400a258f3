"""The calls that a shell drives, one object per call, whatever the protocol.

They do no input or output. A shell reads bytes and hands them in, and writes the bytes it is
given. What a peer sends raises nothing but `ConnectError`, which goes back in through `failure` or
`end`, as does what a codec raises for a message that it cannot encode.
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
"""Request headers for quick lookup; of several with one name, the last."""

Peer = tuple[str, int] | None


class UnaryServerCall(Protocol[Req_co, Res_contra]):
    """One call with one request and one response, on the server.

    The shell reads a body if there is one, up to `read_limit`, then calls `request`, `encode` and
    `response`, or `failure` once one of them or the handler raised.
    """

    @property
    def context(self) -> RequestContext:
        """The context that the handler gets."""
        ...

    @property
    def needs_trailers(self) -> bool:
        """Whether the answer ends with HTTP trailers.

        Where the server sends none, the shell answers with `failure(...).without_trailers()`.
        """
        ...

    @property
    def has_body(self) -> bool:
        """Whether there is a body to read."""
        ...

    @property
    def read_limit(self) -> int | None:
        """How many bytes of body to read at most; with more, `failure(too_large())`."""
        ...

    def too_large(self) -> ConnectError:
        """The error of a body beyond `read_limit`; it names the limit of the message in it."""
        ...

    def request(self, body: bytes) -> Req_co:
        """The request message."""
        ...

    def encode(self, message: Res_contra) -> bytes:
        """The bytes of the response message.

        Apart from `response`, so that interceptors see it fail and may still add trailers.
        """
        ...

    def response(self, body: bytes) -> HttpResponse:
        """The answer of a successful call, with what `encode` returned."""
        ...

    def failure(self, exc: BaseException) -> HttpResponse:
        """The answer of a failed call."""
        ...


class StreamServerCall(Protocol[Req_co, Res_contra]):
    """One call with a stream in at least one direction, on the server.

    The shell feeds what it reads; it sends `head()`, then each message, then `end()`. Where the
    call fails before its head was sent, it sends `failure()` instead.
    """

    @property
    def context(self) -> RequestContext:
        """The context that the handler gets."""
        ...

    @property
    def needs_trailers(self) -> bool:
        """See `UnaryServerCall.needs_trailers`."""
        ...

    @property
    def wanted(self) -> int:
        """How many bytes complete the next message, for reads that block."""
        ...

    def feed(self, chunk: bytes) -> Iterator[Req_co]:
        """The requests that a chunk of the body completes."""
        ...

    def feed_end(self) -> None:
        """The body has ended."""
        ...

    def head(self) -> Head:
        """The start of the answer."""
        ...

    def message(self, message: Res_contra) -> bytes:
        """The bytes of a response."""
        ...

    def end(self, exc: BaseException | None = None) -> End:
        """The end of the answer: success, or the error of a failed call."""
        ...

    def failure(self, exc: BaseException) -> HttpResponse:
        """The whole answer of a call that failed before its head was sent."""
        ...


class UnaryClientCall(Protocol[Req_contra, Res_co]):
    """One call with one request and one response, on the client."""

    @property
    def read_limit(self) -> int | None:
        """How many bytes of body to read at most; with more, raise `too_large()`."""
        ...

    def too_large(self) -> ConnectError:
        """See `UnaryServerCall.too_large`."""
        ...

    def request(self, message: Req_contra) -> HttpRequest:
        """What to send."""
        ...

    def response(
        self, status: int, headers: RawHeaders, body: bytes, trailers: RawHeaders = ()
    ) -> Res_co:
        """The response message; headers and trailers go to the context.

        Raises `ConnectError` when the call failed.
        """
        ...


class StreamClientCall(Protocol[Req_contra, Res_co]):
    """One call with a stream in at least one direction, on the client."""

    def head(self) -> HttpRequest:
        """The start of the request; the body is a stream."""
        ...

    def message(self, message: Req_contra) -> bytes:
        """The bytes of a request."""
        ...

    def start(self, status: int, headers: RawHeaders) -> None:
        """The head of the answer. Raises `ConnectError` when the call failed already."""
        ...

    def feed(self, chunk: bytes) -> Iterator[Res_co]:
        """The responses that a chunk of the body completes."""
        ...

    def end(self, trailers: RawHeaders = ()) -> None:
        """The answer has ended. Raises `ConnectError` when the call failed."""
        ...
