import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrpc_protocol import Code, ConnectError
from connectrpc_protocol.encoding.envelope import (
    PREFIX_SIZE,
    Envelope,
    EnvelopeReader,
    PrefixReader,
    pack,
)

from ..helpers import bounded

envelopes = st.lists(st.builds(Envelope, st.integers(0, 255), st.binary(max_size=40)), max_size=6)


def chunks(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        yield data[start:end]


def read(reader: EnvelopeReader, chunk: bytes) -> list[Envelope]:
    reader.feed(chunk)
    return list(iter(reader.next, None))


def test_an_envelope_is_flags_then_length_then_data() -> None:
    assert pack(0b10, b"data") == b"\x02\x00\x00\x00\x04data"


@bounded
@given(envelopes, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_chunking_gives_the_same_envelopes(sent: list[Envelope], cuts: list[int]) -> None:
    data = b"".join(pack(*envelope) for envelope in sent)
    reader = EnvelopeReader(None)
    assert [got for chunk in chunks(data, cuts) for got in read(reader, chunk)] == sent
    assert not reader.is_partial


@bounded
@given(st.binary(max_size=100), st.lists(st.integers(0, 100), max_size=5))
def test_any_bytes_are_envelopes_or_too_large(data: bytes, cuts: list[int]) -> None:
    reader = EnvelopeReader(50)
    got: list[Envelope] = []
    with suppress(ConnectError):
        for chunk in chunks(data, cuts):
            got += read(reader, chunk)
    assert data.startswith(b"".join(pack(*envelope) for envelope in got))


@bounded
@given(envelopes, st.data())
def test_wanted_bytes_complete_the_next_envelope(sent: list[Envelope], draw) -> None:
    data = b"".join(pack(*envelope) for envelope in sent)
    reader, got, position = EnvelopeReader(None), [], 0
    while position < len(data):
        size = draw.draw(st.integers(1, reader.wanted))
        got += read(reader, data[position : position + size])
        position += size
    assert got == sent


def test_wanted_counts_the_prefix_and_then_the_data() -> None:
    reader = EnvelopeReader(None)
    sizes = [reader.wanted]
    for chunk in (b"\x00\x00", b"\x00\x00\x03", b"a", b"bc"):
        read(reader, chunk)
        sizes.append(reader.wanted)
    assert sizes == [5, 3, 3, 2, 5]


def test_an_envelope_as_long_as_the_limit_passes() -> None:
    assert read(EnvelopeReader(4), pack(0, b"data")) == [Envelope(0, b"data")]


@pytest.mark.parametrize("length", [5, 2**31, 2**32 - 1])
def test_a_length_beyond_the_limit_is_refused_before_its_data(length: int) -> None:
    reader = EnvelopeReader(4)
    reader.feed(struct.pack(">BI", 0, length))
    with pytest.raises(ConnectError, match="exceeds the limit of 4 bytes") as caught:
        reader.next()
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


def test_next_returns_the_envelopes_before_one_that_is_too_large() -> None:
    reader = EnvelopeReader(4)
    reader.feed(pack(0, b"ok") + pack(0, b"large"))
    assert reader.next() == Envelope(0, b"ok")
    with pytest.raises(ConnectError):
        reader.next()


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x00\x00\x00\x01", b"\x00\x00\x00\x00\x02a"])
def test_bytes_of_an_incomplete_envelope_are_partial(data: bytes) -> None:
    reader = EnvelopeReader(None)
    assert read(reader, data) == []
    assert reader.is_partial


def test_an_empty_stream_is_not_partial() -> None:
    assert not EnvelopeReader(None).is_partial


def test_a_reader_without_unread_bytes_frees_its_buffer() -> None:
    size = 4 * 1024 * 1024
    reader = EnvelopeReader(None)
    data = pack(0, bytes(size))
    tracemalloc.start()
    try:
        assert len(read(reader, data)) == 1
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < size / 4


def test_time_grows_in_proportion_to_the_number_of_tiny_chunks(grows_in_proportion) -> None:
    def work(count: int) -> None:
        reader = EnvelopeReader(None)
        reader.feed(struct.pack(">BI", 0, 16 * count))
        for _ in range(count):
            reader.feed(b"0123456789abcdef")
            reader.next()

    assert grows_in_proportion(work, 5_000)


def test_time_grows_in_proportion_to_the_number_of_messages_in_a_chunk(grows_in_proportion) -> None:
    def work(count: int) -> None:
        read(EnvelopeReader(None), pack(0, b"x") * count)

    assert grows_in_proportion(work, 2_000)


def test_an_envelope_is_five_bytes_longer_than_its_data() -> None:
    assert len(pack(0, b"")) == PREFIX_SIZE == 5


def test_prefixes_are_read_from_chunks_of_any_size() -> None:
    prefixes = PrefixReader(None)
    body = pack(0, b"hello")
    for index, byte in enumerate(body):
        assert prefixes.wanted == (5 - index if index < 5 else len(body) - index)
        prefixes.feed(bytes([byte]))
    assert prefixes.wanted == 5


def test_the_data_of_a_second_envelope_is_not_wanted() -> None:
    prefixes = PrefixReader(10)
    prefixes.feed(pack(0, b"one") + pack(0, b""))
    assert prefixes.wanted == 0


def test_a_prefix_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ConnectError, match="message exceeds the limit of 4 bytes"):
        PrefixReader(4).feed(pack(0, b"hello")[:5])
