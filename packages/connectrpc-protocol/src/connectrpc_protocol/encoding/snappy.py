"""The compression `snappy`."""

from connectrpc_protocol.errors import too_large

_IDENTIFIER = b"\xff\x06\x00\x00sNaPpY"
_COMPRESSED, _UNCOMPRESSED = 0x00, 0x01
_MAX_BLOCK = 64 * 1024  # the most that a chunk may hold (framing_format.txt, sections 4.2 and 4.3)


class Snappy:
    """The framing format of Snappy (google/snappy, framing_format.txt). Needs the extra `snappy`.

    The format does not mark its end. So data that was cut off between two chunks is not an error,
    but a shorter message.
    """

    name = "snappy"

    def compress(self, data: bytes) -> bytes:
        import cramjam

        # The library leaves out the identifier if there is nothing to compress.
        return bytes(cramjam.snappy.compress(data)) or _IDENTIFIER

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        import cramjam

        # The library cannot write more than this buffer holds.
        output = bytearray(_size(data, limit))
        try:
            written = cramjam.snappy.decompress_into(data, output)
        except (cramjam.DecompressionError, OSError):
            raise ValueError("corrupt snappy data") from None
        return memoryview(output)[:written].tobytes()


def _size(data: bytes, limit: int | None) -> int:
    """Return the size that the chunks declare (section 4). Raises `too_large(limit)` beyond it.

    A chunk of data begins with a checksum of four bytes, which the library verifies.
    """
    if not data.startswith(_IDENTIFIER):
        raise ValueError("snappy data without its stream identifier")
    size = position = 0
    while position < len(data):
        kind = data[position]
        start = position + 4
        position = start + int.from_bytes(data[position + 1 : start], "little")
        if position > len(data):
            raise ValueError("truncated snappy data")
        if kind == _COMPRESSED:
            size += _block_size(data[start + 4 : min(start + 7, position)])
        elif kind == _UNCOMPRESSED:
            size += max(0, position - start - 4)
        if limit is not None and size > limit:
            raise too_large(limit)
    return size


def _block_size(preamble: bytes) -> int:
    """Return the size at the start of a block, a varint (google/snappy, format_description.txt)."""
    size = 0
    for index, byte in enumerate(preamble):
        size |= (byte & 0x7F) << 7 * index
        is_last = not byte & 0x80
        if is_last and size <= _MAX_BLOCK:
            return size
    raise ValueError("corrupt snappy data")
