"""The contract of `Compression`, which every compression of this package keeps."""

import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import assume, example, given
from hypothesis import strategies as st

from connectrpc_protocol import (
    Brotli,
    Code,
    Compression,
    ConnectError,
    Deflate,
    Gzip,
    Snappy,
    Zstd,
)

from ..helpers import MIB, bounded

GZIP, BROTLI, ZSTD, DEFLATE, SNAPPY = Gzip(), Brotli(), Zstd(), Deflate(), Snappy()
ALL = [GZIP, BROTLI, ZSTD, DEFLATE, SNAPPY]
each = pytest.mark.parametrize("compression", ALL, ids=lambda compression: compression.name)
each_in_parts = pytest.mark.parametrize("compression", [GZIP, ZSTD, SNAPPY], ids=lambda c: c.name)
SNAPPY_IDENTIFIER = b"\xff\x06\x00\x00sNaPpY"
BOMB_SIZE = 128 * MIB


def zeros(compressor: Callable[[], "zlib._Compress"]) -> bytes:
    one = compressor()
    part = bytes(MIB)
    return b"".join(one.compress(part) for _ in range(BOMB_SIZE // MIB)) + one.flush()


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """Compress 128 MiB of zeros with each compression; zstd does not declare the size."""
    import brotli
    import cramjam

    compressor = brotli.Compressor(quality=4)
    part = bytes(MIB)
    brotli_bomb = b"".join(compressor.process(part) for _ in range(BOMB_SIZE // MIB))
    return {
        "gzip": zeros(lambda: zlib.compressobj(1, wbits=31)),
        "br": brotli_bomb + compressor.finish(),
        "zstd": zeros(lambda: zstandard.ZstdCompressor().compressobj()),
        "deflate": zeros(lambda: zlib.compressobj(1)),
        "snappy": bytes(cramjam.snappy.compress(part)) * (BOMB_SIZE // MIB),
    }


@bounded
@given(st.binary(max_size=2000) | st.binary(max_size=8).map(lambda data: data * 9000))
@each
def test_data_survives_the_round_trip(compression: Compression, data: bytes) -> None:
    assert compression.decompress(compression.compress(data), len(data)) == data


@each
def test_data_survives_the_round_trip_without_a_limit(compression: Compression) -> None:
    data = bytes(range(256)) * 1000
    assert compression.decompress(compression.compress(data), None) == data


@each
def test_the_same_data_gives_the_same_bytes(compression: Compression) -> None:
    assert compression.compress(b"same" * 100) == compression.compress(b"same" * 100)


@bounded
@given(st.binary(max_size=200), st.none() | st.integers(0, 300))
@example(b"\x1f\x8b\x08" + b"\xff" * 40, None)
@example(b"\x28\xb5\x2f\xfd" + b"\xff" * 20, 100)
@example(b"\xff\x06\x00\x00sNaPpY" + b"\x00\x09\x00\x00crc!\x80\x80\x04\x00\x00", None)
@each
def test_any_bytes_are_decompressed_or_raise_an_error_of_the_contract(
    compression: Compression, data: bytes, limit: int | None
) -> None:
    try:
        output = compression.decompress(data, limit)
    except (ValueError, ConnectError):
        return
    assert limit is None or len(output) <= limit


@bounded
@given(st.binary(min_size=1, max_size=300), st.data())
@each
def test_truncated_data_is_a_value_error(compression: Compression, data: bytes, draw) -> None:
    whole = compression.compress(data)
    cut = draw.draw(st.integers(0, len(whole) - 1))
    assume(whole[:cut] != SNAPPY_IDENTIFIER)  # a whole stream without data
    with pytest.raises(ValueError, match=r"\S"):
        compression.decompress(whole[:cut], 1000)


@pytest.mark.parametrize("limit", [None, 1000])
@each
def test_data_after_the_end_is_a_value_error(compression: Compression, limit: int | None) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        compression.decompress(compression.compress(b"data") + b"junk", limit)


@pytest.mark.parametrize("size", [1, 100, 32 * 1024, 32 * 1024 + 1, MIB, MIB + 1])
@each
def test_data_as_long_as_the_limit_passes_and_one_byte_more_does_not(
    compression: Compression, size: int
) -> None:
    data = compression.compress(bytes(size))
    assert len(compression.decompress(data, size)) == size
    with pytest.raises(ConnectError) as caught:
        compression.decompress(data, size - 1)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


@each
def test_a_bomb_takes_no_more_memory_than_the_limit(
    compression: Compression, bombs: dict[str, bytes]
) -> None:
    bomb = bombs[compression.name]
    tracemalloc.start()
    try:
        with pytest.raises(ConnectError, match="exceeds the limit of 1048576 bytes"):
            compression.decompress(bomb, MIB)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


# tracemalloc does not count the memory that C libraries allocate. The operating system does.
LIMITED = """
import resource, sys
from connectrpc_protocol import ConnectError, resolve_compression
compression = resolve_compression(sys.argv[1])
bomb = sys.stdin.buffer.read()
compression.decompress(compression.compress(b"warm"), None)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    compression.decompress(bomb, 1024 * 1024)
except ConnectError:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@each
def test_a_bomb_does_not_grow_the_process(
    compression: Compression, bombs: dict[str, bytes]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, compression.name],
        input=bombs[compression.name],
        capture_output=True,
        check=True,
    )
    assert int(done.stdout) < 32


@each_in_parts
@pytest.mark.parametrize("limit", [None, 10])
def test_several_members_are_one_message(compression: Compression, limit: int | None) -> None:
    # RFC 1952, section 2.2; RFC 8878, section 3.1.
    data = b"".join(compression.compress(part) for part in (b"hello", b"", b"world"))
    assert compression.decompress(data, limit) == b"helloworld"


@each_in_parts
def test_the_limit_covers_all_members_together(compression: Compression) -> None:
    with pytest.raises(ConnectError, match="exceeds the limit of 9 bytes"):
        compression.decompress(compression.compress(b"hello") * 2, 9)


@each_in_parts
def test_a_truncated_last_member_is_a_value_error(compression: Compression) -> None:
    member = compression.compress(b"hello")
    with pytest.raises(ValueError, match="truncated"):
        compression.decompress(member + member[:-1], 100)


@each_in_parts
def test_large_data_in_several_members_is_one_message(compression: Compression) -> None:
    import random

    part = random.Random(7).randbytes(100_000)
    assert compression.decompress(compression.compress(part) * 3, None) == part * 3


@each_in_parts
def test_time_grows_in_proportion_to_the_number_of_tiny_members(
    compression: Compression, grows_in_proportion
) -> None:
    member = compression.compress(b"")

    def work(count: int) -> None:
        compression.decompress(member * count, MIB)

    assert grows_in_proportion(work, 4_000)


@pytest.mark.parametrize(
    ("fast", "small"),
    [
        (Gzip(1), Gzip(9)),
        (Brotli(0), Brotli(11)),
        (Zstd(1), Zstd(19)),
        (Deflate(1), Deflate(9)),
    ],
)
def test_a_higher_level_compresses_better(fast: Compression, small: Compression) -> None:
    data = b"".join(b"%d %x;" % (n * n, n * 7) for n in range(3000))
    assert len(small.compress(data)) < len(fast.compress(data))
