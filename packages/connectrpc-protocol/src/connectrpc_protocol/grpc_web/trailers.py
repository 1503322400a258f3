"""Trailers as the last envelope of a body. Source: PROTOCOL-WEB.md, "Message framing"."""

from contextlib import suppress

from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.errors import quoted
from connectrpc_protocol.grpc.status import OK
from connectrpc_protocol.headers import Headers
from connectrpc_protocol.http import HeaderPair

TRAILERS = 0b1000_0000
"""The flag of the envelope of trailers."""

_SPACE = b" \t\r"
# A block may be as long as a message. If its lines are short, the parsed trailers take a hundred
# times as many bytes as the block. A thousand lines are more than servers usually send as headers.
_MAX_LINES = 1000


def pack_trailers(trailers: list[HeaderPair]) -> bytes:
    """Return the envelope of trailers: a block of HTTP/1.1 headers with lower-case names.

    A trailer with a line break is left out, because the text after the break would become another
    trailer. Metadata may have one if it came from an HTTP library that does not check values.
    """
    return _ONLY_OK if trailers == [OK] else _pack(trailers)


def _pack(trailers: list[HeaderPair]) -> bytes:
    lines = (b"%b: %b" % pair for pair in trailers)
    block = b"".join(line + b"\r\n" for line in lines if b"\n" not in line and b"\r" not in line)
    return pack(TRAILERS, block)


_ONLY_OK = _pack([OK])


def parse_trailers(block: bytes) -> Headers:
    """Return the trailers of an envelope.

    Raises `ValueError` if a line does not have a colon or there are too many lines. Trailers that
    HTTP cannot carry are left out, so they cannot add headers to a request that forwards them.
    """
    if block.count(b"\n") > _MAX_LINES:
        raise ValueError(f"more than {_MAX_LINES} lines")
    headers = Headers()
    for line in block.split(b"\n"):
        name, colon, value = line.strip(_SPACE).partition(b":")
        if colon:
            with suppress(ValueError):
                headers.add(name.decode("latin-1"), value.strip(_SPACE).decode("latin-1"))
        elif name:
            raise ValueError(f"no colon in {quoted(name)}")
    return headers
