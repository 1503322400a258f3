"""The HTTP vocabulary that the protocols share with the clients and the server applications."""

from collections.abc import Sequence
from typing import NamedTuple

from connectrpc_protocol.header_names import RAW_CONTENT_LENGTH, RAW_CONTENT_TYPE
from connectrpc_protocol.headers import RawHeaders

HTTP_OK = 200
HeaderPair = tuple[bytes, bytes]


class HttpResponse:
    """A whole response. `trailers` is `None` if it ends without HTTP trailers."""

    __slots__ = ("body", "headers", "status", "trailers")

    def __init__(
        self,
        status: int,
        headers: Sequence[HeaderPair],
        body: bytes = b"",
        trailers: RawHeaders | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.trailers = trailers

    def without_trailers(self) -> "HttpResponse":
        """Return the response with its trailers as headers, for a server that cannot send trailers.

        This is possible only if the response does not have a body, as after a failed call
        (grpc/grpc, PROTOCOL-HTTP2.md, "Trailers-Only"). Other responses are returned unchanged.
        """
        if self.trailers is None or self.body:
            return self
        return HttpResponse(self.status, (*self.headers, *self.trailers))


class Head(NamedTuple):
    """The head of a streamed response. `has_trailers` announces HTTP trailers after its body."""

    status: int
    headers: Sequence[HeaderPair]
    has_trailers: bool = False


class End(NamedTuple):
    """The end of a streamed response: the last bytes of the body, then the trailers."""

    body: bytes
    trailers: RawHeaders | None = None


class HttpRequest(NamedTuple):
    """A request of a client. `body` is `None` if the body is a stream."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None


def plain_text(status: int, text: str, *headers: HeaderPair) -> HttpResponse:
    """Return a plain-text response to a request that is not a call."""
    body = text.encode()
    return HttpResponse(
        status,
        (
            (RAW_CONTENT_TYPE, b"text/plain; charset=utf-8"),
            (RAW_CONTENT_LENGTH, b"%d" % len(body)),
            *headers,
        ),
        body,
    )


NOT_FOUND = plain_text(404, "not found\n")
"""The response to a request whose path is not the path of a method."""
