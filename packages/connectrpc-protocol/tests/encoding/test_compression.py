import importlib.util
import io
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from importlib.machinery import ModuleSpec

import pytest
import zstandard
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from connectrpc_protocol import (
    Brotli,
    Code,
    Compression,
    Compressions,
    ConnectError,
    Deflate,
    Gzip,
    Snappy,
    Zstd,
    available_compressions,
    resolve_compression,
)

GZIP, BROTLI, ZSTD, DEFLATE, SNAPPY = Gzip(), Brotli(), Zstd(), Deflate(), Snappy()
USUAL = [GZIP, BROTLI, ZSTD]
ALL = [*USUAL, DEFLATE, SNAPPY]
bounded = settings(deadline=None, max_examples=75, suppress_health_check=[HealthCheck.too_slow])
each = pytest.mark.parametrize("compression", ALL, ids=lambda compression: compression.name)
each_in_parts = pytest.mark.parametrize("compression", [GZIP, ZSTD, SNAPPY], ids=lambda c: c.name)
IDENTIFIER = b"\xff\x06\x00\x00sNaPpY"
MIB = 1024 * 1024
BOMB_SIZE = 128 * MIB


def zeros(compressor: Callable[[], "zlib._Compress"]) -> bytes:
    one = compressor()
    part = bytes(MIB)
    return b"".join(one.compress(part) for _ in range(BOMB_SIZE // MIB)) + one.flush()


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """128 MiB of zeros in each compression; those of zstd do not tell their size."""
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


def skippable(content: bytes) -> bytes:
    return struct.pack("<II", 0x184D2A50, len(content)) + content


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
def test_any_bytes_are_data_or_an_error_of_the_contract(
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
    assume(whole[:cut] != IDENTIFIER)  # of all cuts the one that Snappy cannot see
    with pytest.raises(ValueError, match=r"\S"):
        compression.decompress(whole[:cut], 1000)


@pytest.mark.parametrize("limit", [None, 1000])
@each
def test_data_after_the_end_is_a_value_error(compression: Compression, limit: int | None) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        compression.decompress(compression.compress(b"data") + b"junk", limit)


@pytest.mark.parametrize("size", [1, 100, 32 * 1024, 32 * 1024 + 1, MIB, MIB + 1])
@each
def test_data_of_the_limit_passes_and_one_byte_more_does_not(
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


# tracemalloc does not see what the C libraries allocate by themselves; the system does.
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
def test_the_limit_is_for_all_members_together(compression: Compression) -> None:
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
def test_many_tiny_members_take_time_in_proportion(
    compression: Compression, grows_in_proportion
) -> None:
    member = compression.compress(b"")

    def work(count: int) -> None:
        compression.decompress(member * count, MIB)

    assert grows_in_proportion(work, 4_000)


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


def test_zstd_takes_a_window_of_8_mib() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=23)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = compressor.compress(bytes(MIB)) + compressor.flush()
    assert ZSTD.decompress(data, MIB) == bytes(MIB)


def test_zstd_does_not_trust_the_size_that_a_frame_declares() -> None:
    # Single segment, content size 0xffffffff (RFC 8878, section 3.1.1.1), then an empty block.
    data = b"\x28\xb5\x2f\xfd\xa0\xff\xff\xff\xff\x01\x00\x00"
    with pytest.raises(ValueError, match=r"\S"):
        ZSTD.decompress(data, 100)


def chunk(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + len(content).to_bytes(3, "little") + content


BLOCK = SNAPPY.compress(b"hello")[len(IDENTIFIER) :]


def test_snappy_reads_compressed_and_uncompressed_chunks_and_skips_others() -> None:
    # framing_format.txt, sections 4.4 and 4.6: padding and what the future may bring.
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
def test_snappy_refuses_what_its_format_forbids(data: bytes, limit: int | None) -> None:
    with pytest.raises(ValueError, match="snappy data"):
        SNAPPY.decompress(data, limit)


def test_snappy_knows_the_size_before_it_takes_memory() -> None:
    promise = chunk(0x00, b"crc!\x80\x80\x04") * 1000
    with pytest.raises(ConnectError, match="exceeds the limit of 100000 bytes"):
        SNAPPY.decompress(IDENTIFIER + promise, 100_000)


def test_snappy_takes_time_in_proportion_to_empty_chunks(grows_in_proportion) -> None:
    def work(count: int) -> None:
        SNAPPY.decompress(IDENTIFIER + chunk(0xFE, b"") * count, MIB)

    assert grows_in_proportion(work, 40_000)


def test_snappy_of_nothing_is_a_whole_stream() -> None:
    # framing_format.txt, section 4.1: a stream starts with its identifier.
    assert SNAPPY.compress(b"") == IDENTIFIER


def test_deflate_is_the_zlib_format() -> None:
    assert zlib.decompress(DEFLATE.compress(b"data")) == b"data"


@pytest.mark.parametrize("limit", [None, 100])
def test_deflate_refuses_data_without_the_zlib_header(limit: int | None) -> None:
    bare = zlib.compress(b"data", wbits=-15)
    with pytest.raises(ValueError, match="header"):
        DEFLATE.decompress(bare, limit)


def test_deflate_is_one_stream() -> None:
    with pytest.raises(ValueError, match="data after the end"):
        DEFLATE.decompress(DEFLATE.compress(b"a") * 2, None)


def test_gzip_has_no_time_in_its_header() -> None:
    # RFC 1952, section 2.3.1: MTIME zero means that no time stamp is available.
    assert GZIP.compress(b"data")[4:8] == b"\0\0\0\0"


def test_gzip_is_read_by_others() -> None:
    import gzip

    assert gzip.GzipFile(fileobj=io.BytesIO(GZIP.compress(b"data"))).read() == b"data"


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


def test_the_usual_three_are_offered_with_the_extras() -> None:
    assert [compression.name for compression in available_compressions()] == ["gzip", "br", "zstd"]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a library look as if it were not installed."""

    def hide(library: str) -> None:
        find_spec = importlib.util.find_spec

        def found(name: str, package: str | None = None) -> ModuleSpec | None:
            return None if name == library else find_spec(name, package)

        monkeypatch.setattr("connectrpc_protocol.encoding.compression.find_spec", found)

    return hide


@pytest.mark.parametrize(
    ("library", "left"), [("brotli", ["gzip", "zstd"]), ("zstandard", ["gzip", "br"])]
)
def test_what_is_not_installed_is_not_available(
    without: Callable[[str], None], library: str, left: list[str]
) -> None:
    without(library)
    assert [compression.name for compression in available_compressions()] == left


@pytest.mark.parametrize(
    ("library", "name", "extra"),
    [("brotli", "br", "brotli"), ("zstandard", "zstd", "zstd"), ("cramjam", "snappy", "snappy")],
)
def test_asking_for_what_is_not_installed_names_the_extra(
    without: Callable[[str], None], library: str, name: str, extra: str
) -> None:
    without(library)
    with pytest.raises(ImportError, match=rf"pip install connectrpc-protocol\[{extra}\]"):
        resolve_compression(name)


def test_the_extras_are_not_imported_before_they_are_used() -> None:
    script = (
        "import sys, connectrpc_protocol as c\n"
        "c.Compressions([*c.available_compressions(), 'snappy'])\n"
        "print(sorted({'brotli', 'cramjam', 'zstandard'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["gzip", "br", "zstd", "deflate", "snappy"])
def test_a_compression_is_found_by_its_name(name: str) -> None:
    assert resolve_compression(name).name == name


def test_a_compression_object_is_taken_as_it_is() -> None:
    own = Gzip(9)
    assert resolve_compression(own) is own


def test_an_unknown_compression_names_the_known_ones() -> None:
    known = "'gzip', 'br', 'zstd', 'deflate', 'snappy'"
    with pytest.raises(ValueError, match=f"unknown compression 'lzma'; known by name: {known}"):
        resolve_compression("lzma")


def test_compressions_keep_their_order() -> None:
    assert Compressions(["zstd", "gzip"]).names == ("zstd", "gzip")


def test_a_name_alone_is_no_list_of_names() -> None:
    with pytest.raises(TypeError, match=r"a list of names: \['gzip'\]"):
        Compressions("gzip")


@pytest.mark.parametrize("name", ["", "identity"])
def test_identity_is_no_compression(name: str) -> None:
    assert Compressions(["gzip"]).get(name) is None


def test_get_gives_the_compression_of_a_name() -> None:
    own = Gzip(1)
    assert Compressions([own]).get("gzip") is own


def test_get_refuses_an_unknown_name_and_lists_the_supported() -> None:
    with pytest.raises(
        ConnectError, match="unknown compression 'lzma'; supported: gzip, br, identity"
    ) as caught:
        Compressions(["gzip", "br"]).get("lzma")
    assert caught.value.code is Code.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", None),
        ("identity", None),
        ("deflate", None),
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("br,gzip", "br"),
        ("gzip, br", "gzip"),
        ("deflate, lzma , zstd", "zstd"),
        ("gzip;q=0.5, br;q=0.9", "br"),
        ("gzip;q=0.5, br", "br"),
        ("gzip;q=0", None),
        ("gzip;q=0.000, br;q=0.001", "br"),
        ("gzip ; Q=0.1, br ; q = 0.2", "br"),
        ("gzip;q=1.000, br;q=1", "gzip"),
        ("gzip;level=9", "gzip"),
        ("gzip;q=high", None),
        ("gzip;q=", None),
        ("gzip;q=nan", None),
        ("gzip;q=inf, br", "br"),
        ("gzip;q=1_0, br", "br"),
        ("gzip;q=2, br;q=0.1", "br"),
        ("gzip;q=-1", None),
        (",,;,;;q=1,gzip", "gzip"),
    ],
)
def test_the_favourite_of_the_peer_is_chosen(accepted: str, chosen: str | None) -> None:
    compression = Compressions(["gzip", "br", "zstd"]).negotiate(accepted)
    assert (None if compression is None else compression.name) == chosen


@bounded
@given(
    st.text(st.characters(max_codepoint=255), max_size=60)
    | st.text("gzipbr;q=0.1, \t", max_size=30)
)
def test_any_accept_encoding_chooses_one_of_ours_or_none(accepted: str) -> None:
    compression = Compressions(USUAL).negotiate(accepted)
    assert compression is None or compression in USUAL


weights = st.integers(0, 1000).map(lambda thousandth: thousandth / 1000)


@bounded
@given(
    st.permutations(["gzip", "br", "zstd", "deflate"]), st.lists(weights, min_size=4, max_size=4)
)
def test_the_highest_weight_wins_and_then_the_first(names: list[str], given_weights) -> None:
    offered = list(zip(names, given_weights, strict=True))
    accepted = ", ".join(f"{name};q={weight:.3f}" for name, weight in offered)
    ours = [(name, weight) for name, weight in offered if name != "deflate" and weight > 0]
    best = max(ours, key=lambda pair: pair[1], default=None)
    chosen = Compressions(USUAL).negotiate(accepted)
    assert (chosen.name if chosen else None) == (best[0] if best else None)
