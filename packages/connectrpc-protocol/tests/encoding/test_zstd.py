"""The compression `zstd`. Sources: RFC 8878; RFC 9659."""

import struct

import pytest
import zstandard

from connectrpc_protocol import (
    Zstd,
)

from ..helpers import MIB

ZSTD = Zstd()


def skippable(content: bytes) -> bytes:
    return struct.pack("<II", 0x184D2A50, len(content)) + content


def test_zstd_skips_skippable_frames() -> None:
    # RFC 8878, section 3.1.2.
    data = skippable(b"one") + ZSTD.compress(b"hello") + skippable(b"") + ZSTD.compress(b"!")
    assert ZSTD.decompress(data + skippable(b"two"), 100) == b"hello!"


def test_zstd_refuses_a_truncated_skippable_frame() -> None:
    with pytest.raises(ValueError, match="truncated"):
        ZSTD.decompress(ZSTD.compress(b"hello") + skippable(b"abc")[:-1], 100)


@pytest.mark.parametrize("limit", [None, 4 * MIB])
def test_zstd_refuses_a_window_beyond_8_mib(limit: int | None) -> None:
    # RFC 9659, section 3.
    parameters = zstandard.ZstdCompressionParameters(window_log=24)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = compressor.compress(bytes(MIB)) + compressor.flush()
    with pytest.raises(ValueError, match="memory"):
        ZSTD.decompress(data, limit)


def test_zstd_accepts_a_window_of_8_mib() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=23)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = compressor.compress(bytes(MIB)) + compressor.flush()
    assert ZSTD.decompress(data, MIB) == bytes(MIB)


def test_zstd_does_not_trust_the_size_that_a_frame_declares() -> None:
    # Single segment, content size 0xffffffff (RFC 8878, section 3.1.1.1), then an empty block.
    data = b"\x28\xb5\x2f\xfd\xa0\xff\xff\xff\xff\x01\x00\x00"
    with pytest.raises(ValueError, match=r"\S"):
        ZSTD.decompress(data, 100)
