"""Bodies in base64. Source: PROTOCOL-WEB.md, "Text-encoded (response) streams"."""

import binascii

from connectrpc_protocol.call import BodyPrefixes
from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ConnectError

_QUANTUM = 4  # base64 encodes three bytes in four characters


def encode_text(data: bytes) -> bytes:
    """Encode a part of a body. Each part has its own padding."""
    return binascii.b2a_base64(data, newline=False)


def text_size(size: int) -> int:
    """Return the number of characters that encode this number of bytes."""
    return -(-size // 3) * _QUANTUM


class TextDecoder:
    """Decodes a body of several parts, each with its own padding, from chunks of any length."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return the bytes that a chunk completes.

        Raises `ConnectError` (`invalid_argument`) if it is not base64.
        """
        text = self._rest + chunk
        end = len(text) - len(text) % _QUANTUM
        self._rest = text[end:]
        return b"".join(_decode_parts(text[:end]))

    def finish(self) -> None:
        """Take the end of the body.

        Raises `ConnectError` (`invalid_argument`) if the body ends inside a group of characters.
        """
        if self._rest:
            raise ConnectError(Code.INVALID_ARGUMENT, "the body ended inside its base64")

    def wanted(self, size: int) -> int:
        """Return the number of characters that are still to read for this number of bytes."""
        return text_size(size) - len(self._rest)


class TextPrefixes:
    """The prefixes of a body in base64, counted in characters."""

    __slots__ = ("_decoder", "_prefixes")

    def __init__(self, prefixes: BodyPrefixes) -> None:
        self._decoder = TextDecoder()
        self._prefixes = prefixes

    def feed(self, chunk: bytes) -> None:
        """See `BodyPrefixes.feed`."""
        self._prefixes.feed(self._decoder.feed(chunk))

    @property
    def wanted(self) -> int:
        """See `BodyPrefixes.wanted`."""
        size = self._prefixes.wanted
        return self._decoder.wanted(size) if size else 0


def _decode_parts(text: bytes) -> list[bytes]:
    parts: list[bytes] = []
    start = 0
    while start < len(text):
        padding = text.find(b"=", start)
        end = len(text) if padding < 0 else padding - padding % _QUANTUM + _QUANTUM
        parts.append(_decode_part(text[start:end]))
        start = end
    return parts


def _decode_part(text: bytes) -> bytes:
    try:
        if text.endswith(b"==="):  # `binascii` accepts it as padding, but base64 does not have it
            raise ValueError("too much padding")
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise ConnectError(Code.INVALID_ARGUMENT, f"invalid base64: {error}") from None
