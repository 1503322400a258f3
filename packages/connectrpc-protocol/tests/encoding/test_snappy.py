"""The compression `snappy`. Source: google/snappy, framing_format.txt."""

import pytest

from connectrpc_protocol import (
    ConnectError,
    Snappy,
)

from ..helpers import MIB

SNAPPY = Snappy()
IDENTIFIER = b"\xff\x06\x00\x00sNaPpY"


def chunk(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + len(content).to_bytes(3, "little") + content


BLOCK = SNAPPY.compress(b"hello")[len(IDENTIFIER) :]


def test_snappy_reads_compressed_and_uncompressed_chunks_and_skips_others() -> None:
    # framing_format.txt, sections 4.4 and 4.6: padding, and chunks that are reserved but skippable.
    data = IDENTIFIER + BLOCK + chunk(0xFE, b"\0\0") + chunk(0x80, b"new") + IDENTIFIER
    zeros_block = SNAPPY.compress(bytes(70_000))[len(IDENTIFIER) :]
    assert (BLOCK[0], zeros_block[0]) == (1, 0)
    assert SNAPPY.decompress(data + zeros_block, 70_005) == b"hello" + bytes(70_000)


@pytest.mark.parametrize(
    "data",
    [
        BLOCK,
        b"sNaPpY",
        IDENTIFIER + chunk(0x02, b"reserved, not to be skipped"),
        IDENTIFIER + chunk(0x01, b"crc!hello"),
        IDENTIFIER + chunk(0x01, b"crc"),
        IDENTIFIER + chunk(0x00, b"crc!"),
        IDENTIFIER + chunk(0x00, b"crc!\x80\x80\x80\x80"),
        IDENTIFIER + chunk(0x00, b"crc!\x81\x80\x04 beyond 64 KiB"),
        IDENTIFIER + chunk(0x00, b"crc!\x80\x80\x04 promises more than there is"),
        IDENTIFIER + chunk(0x01, b"crc!" + bytes(64 * 1024 + 1)),
        IDENTIFIER + chunk(0xFF, b"yPpAns"),
        IDENTIFIER + b"\xfe\x01",
    ],
    ids=range(12),
)
@pytest.mark.parametrize("limit", [None, 100 * 1024])
def test_snappy_refuses_malformed_data(data: bytes, limit: int | None) -> None:
    with pytest.raises(ValueError, match="snappy data"):
        SNAPPY.decompress(data, limit)


def test_snappy_checks_the_declared_size_before_it_allocates_memory() -> None:
    promise = chunk(0x00, b"crc!\x80\x80\x04") * 1000
    with pytest.raises(ConnectError, match="exceeds the limit of 100000 bytes"):
        SNAPPY.decompress(IDENTIFIER + promise, 100_000)


def test_time_grows_in_proportion_to_the_number_of_empty_snappy_chunks(grows_in_proportion) -> None:
    def work(count: int) -> None:
        SNAPPY.decompress(IDENTIFIER + chunk(0xFE, b"") * count, MIB)

    assert grows_in_proportion(work, 40_000)


def test_snappy_compresses_empty_data_to_a_whole_stream() -> None:
    # framing_format.txt, section 4.1: a stream starts with its identifier.
    assert SNAPPY.compress(b"") == IDENTIFIER
