"""Headers of the Connect protocol, and metadata beside them."""

from collections.abc import Iterable

from connectrpc_protocol.call import Fields
from connectrpc_protocol.code import Code
from connectrpc_protocol.connect.timeout import format_timeout, parse_timeout
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.headers import Headers, RawHeaders, raw_pairs
from connectrpc_protocol.http import HeaderPair
from connectrpc_protocol.options import ServerOptions

PROTOCOL = "connect"
VERSION = b"1"
TRAILER_PREFIX = b"trailer-"


def read_deadline(fields: Fields, options: ServerOptions) -> float | None:
    """The deadline of a request. Raises `ConnectError` for a malformed timeout."""
    timeout = fields.get(b"connect-timeout-ms")
    return options.deadline(None if timeout is None else parse_timeout(timeout))


def check_version(version: bytes | None, options: ServerOptions) -> None:
    """Raises `ConnectError` (`invalid_argument`) for another version than ours.

    A missing one is refused where the options ask for it.
    """
    if version is None:
        if options.require_connect_protocol_header:
            raise ConnectError(
                Code.INVALID_ARGUMENT, "missing required header: connect-protocol-version: 1"
            )
    elif version != VERSION:
        text = version[:40].decode("latin-1")
        raise ConnectError(
            Code.INVALID_ARGUMENT, f"connect-protocol-version must be '1', not {text!r}"
        )


def response_metadata(context: RequestContext, error: ConnectError | None) -> list[HeaderPair]:
    """Headers, the error's metadata and prefixed trailers of a unary answer.

    Source: Connect protocol reference, "Unary-Response".
    """
    pairs = raw_pairs(context.response_headers.metadata())
    if error is not None:
        pairs += raw_pairs(error.metadata.metadata())
    return pairs + raw_pairs(context.response_trailers.metadata(), TRAILER_PREFIX)


def split_trailers(raw: RawHeaders) -> tuple[Headers, Headers]:
    """Headers and trailers of a unary answer, parted again."""
    headers: list[HeaderPair] = []
    trailers: list[HeaderPair] = []
    for name, value in raw:
        if name[: len(TRAILER_PREFIX)].lower() == TRAILER_PREFIX:
            trailers.append((name[len(TRAILER_PREFIX) :], value))
        else:
            headers.append((name, value))
    return Headers.from_raw(headers), Headers.from_raw(trailers)


def post_headers(
    context: RequestContext, content_type: str, protocol: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The headers of a POST: the protocol's, the timeout, then the user's metadata."""
    return [
        ("content-type", content_type),
        ("connect-protocol-version", VERSION.decode()),
        *protocol,
        *_timeout(context),
        *context.request_headers.metadata(),
    ]


def get_headers(context: RequestContext, accepted: str) -> list[tuple[str, str]]:
    """The headers of a GET; the version is in the query, where it does not break caching."""
    return [
        ("accept-encoding", accepted),
        *_timeout(context),
        *context.request_headers.metadata(),
    ]


def _timeout(context: RequestContext) -> list[tuple[str, str]]:
    timeout_ms = context.timeout_ms
    return [] if timeout_ms is None else [("connect-timeout-ms", format_timeout(timeout_ms))]
