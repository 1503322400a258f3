"""Trailers as the last envelope of a body. Source: PROTOCOL-WEB.md, "Message framing"."""

from contextlib import suppress

from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.grpc.status import OK
from connectrpc_protocol.headers import Headers
from connectrpc_protocol.http import HeaderPair

TRAILERS = 0b1000_0000
_SPACE = b" \t\r"
# A block may be as long as a message, and as objects short lines take a hundred times their bytes.
_MAX_LINES = 1000


def pack_trailers(trailers: list[HeaderPair]) -> bytes:
    """The envelope of trailers: a block of HTTP/1.1 headers with lower-case names.

    A line break inside, in metadata that a careless HTTP library took from somewhere else, would
    begin a trailer of its own; such a trailer is left out.
    """
    return _ONLY_OK if trailers == [OK] else _pack(trailers)


def _pack(trailers: list[HeaderPair]) -> bytes:
    lines = (b"%b: %b" % pair for pair in trailers)
    block = b"".join(line + b"\r\n" for line in lines if b"\n" not in line and b"\r" not in line)
    return pack(TRAILERS, block)


_ONLY_OK = _pack([OK])


def parse_trailers(block: bytes) -> Headers:
    """The trailers of an envelope.

    Raises `ValueError` for a line without a colon and for too many lines. What HTTP could not carry
    is left out, so that it never becomes a header when metadata is sent on.
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
            raise ValueError(f"no colon in {name[:40]!r}")
    return headers
