"""The compression `zstd`."""

from collections.abc import Callable

from connectrpc_protocol.encoding.input_steps import input_steps
from connectrpc_protocol.errors import too_large

_MAX_WINDOW_BYTES = 8 * 1024 * 1024  # RFC 9659, section 3
# The size check holds this much output at a time, so it takes few calls and little memory.
_READ_BYTES = 1024 * 1024


class Zstd:
    """RFC 8878. Needs the extra `zstd`.

    Several frames are one message, and skippable frames are skipped (RFC 8878, section 3.1). A
    frame whose window exceeds 8 MiB is refused, as RFC 9659 requires for content on the web. The
    default level is that of the library.
    """

    name = "zstd"

    def __init__(self, level: int = 3) -> None:
        self._level = level

    def compress(self, data: bytes) -> bytes:
        import zstandard

        return zstandard.ZstdCompressor(level=self._level).compress(data)

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        import zstandard

        decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        parts: list[bytes] = []
        try:
            if limit is not None:
                # Only a stream reader limits its output, and only a decompression object reports
                # a truncated frame. So a reader checks the size first, and then an object
                # decompresses.
                with decompressor.stream_reader(data, read_across_frames=True) as reader:
                    if not _is_within(reader.read, limit):
                        raise too_large(limit)
            frame = decompressor.decompressobj()
            for step in input_steps(data):
                rest = step
                while rest:
                    if frame.eof:
                        frame = decompressor.decompressobj()
                    parts.append(frame.decompress(rest))
                    rest = frame.unused_data
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from None
        if not frame.eof:
            raise ValueError("truncated zstd data")
        return b"".join(parts)


def _is_within(read: Callable[[int], bytes], limit: int) -> bool:
    size = 0
    while part := read(_READ_BYTES):
        size += len(part)
        if size > limit:
            return False
    return True
