"""The HTTP vocabulary between the core, which knows protocols, and the shells, which know HTTP."""

from collections.abc import Sequence
from typing import NamedTuple

from connectrpc_protocol.headers import RawHeaders

HTTP_OK = 200
HeaderPair = tuple[bytes, bytes]


class HttpResponse:
    """A whole answer; `trailers` is `None` where the protocol sends none."""

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
        """The same answer from a server that sends no trailers: they join the headers.

        For answers without a body, which are those of failed calls (grpc/grpc, PROTOCOL-HTTP2.md,
        "Trailers-Only"); others need their trailers and stay as they are.
        """
        if self.trailers is None or self.body:
            return self
        return HttpResponse(self.status, (*self.headers, *self.trailers))


class Head(NamedTuple):
    """The start of a streamed answer. `has_trailers` announces HTTP trailers after its body."""

    status: int
    headers: Sequence[HeaderPair]
    has_trailers: bool = False


class End(NamedTuple):
    """The end of a streamed answer: the last bytes of the body, then the trailers."""

    body: bytes
    trailers: RawHeaders | None = None


class HttpRequest(NamedTuple):
    """What a client sends; `body` is `None` where the body is a stream."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None


def plain_text(status: int, text: str, *headers: HeaderPair) -> HttpResponse:
    """An answer for people, to requests that are not calls."""
    body = text.encode()
    return HttpResponse(
        status,
        (
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            *headers,
        ),
        body,
    )


NOT_FOUND = plain_text(404, "not found\n")
