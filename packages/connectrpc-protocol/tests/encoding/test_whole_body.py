import tracemalloc

import pytest

from connectrpc_protocol import Code, ConnectError, too_large
from connectrpc_protocol.encoding.whole_body import WholeBody


class Call:
    """The limits of a call; `too_large` is always the error of a limit of 3 bytes."""

    def __init__(self, read_limit: int | None = None) -> None:
        self.read_limit = read_limit

    def too_large(self) -> ConnectError:
        return too_large(3)


@pytest.mark.parametrize(
    "chunks", [[], [b""], [b"abc"], [b"", b"abc", b""], [b"a", b"b"], [b"a", b"b", b"", b"c"]]
)
def test_a_body_joins_its_chunks_in_order(chunks: list[bytes]) -> None:
    body = WholeBody(Call())
    for chunk in chunks:
        body.add(chunk)
    assert body.data == b"".join(chunks)
    assert type(body.data) is bytes


def test_one_chunk_is_not_copied() -> None:
    body = WholeBody(Call())
    chunk = bytes(1000)
    body.add(chunk)
    assert body.data is chunk


def test_a_body_does_not_change_its_chunks() -> None:
    body = WholeBody(Call())
    chunk = bytearray(b"ab")
    body.add(chunk)
    body.add(b"cd")
    assert (chunk, body.data) == (b"ab", b"abcd")


@pytest.mark.parametrize("chunks", [[b"abcd"], [b"abc", b"d"], [b"a", b"b", b"c", b"", b"d"]])
def test_a_body_beyond_the_limit_is_refused(chunks: list[bytes]) -> None:
    body = WholeBody(Call(3))
    *allowed, last = chunks
    for chunk in allowed:
        body.add(chunk)
    with pytest.raises(ConnectError) as caught:
        body.add(last)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


def test_tiny_chunks_take_little_memory() -> None:
    size = 400_000
    body = WholeBody(Call())
    tracemalloc.start()
    try:
        for number in range(size // 2):
            body.add(b"%02d" % (number % 100))
        data = body.data
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(data) == size
    assert peak < 3 * size
