"""The trailers of unary calls, which travel as headers with a prefix.

Source: Connect protocol reference, "Unary-Response".
"""

from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.headers import Headers, RawHeaders, raw_pairs
from connectrpc_protocol.http import HeaderPair

_PREFIX = b"trailer-"


def response_metadata(context: RequestContext, error: ConnectError | None) -> list[HeaderPair]:
    """Return the metadata of a unary response: headers, the error's metadata, prefixed trailers."""
    pairs = raw_pairs(context.response_headers.metadata())
    if error is not None:
        pairs += raw_pairs(error.metadata.metadata())
    return pairs + raw_pairs(context.response_trailers.metadata(), _PREFIX)


def split_trailers(raw: RawHeaders) -> tuple[Headers, Headers]:
    """Return the headers and the trailers of a unary response, the latter without the prefix."""
    headers: list[HeaderPair] = []
    trailers: list[HeaderPair] = []
    for name, value in raw:
        if name[: len(_PREFIX)].lower() == _PREFIX:
            trailers.append((name[len(_PREFIX) :], value))
        else:
            headers.append((name, value))
    return Headers.from_raw(headers), Headers.from_raw(trailers)
