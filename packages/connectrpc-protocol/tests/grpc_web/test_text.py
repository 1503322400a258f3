"""Source: grpc/grpc, PROTOCOL-WEB.md, "Text-encoded (response) streams"."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrpc_protocol import Code, ConnectError
from connectrpc_protocol.grpc_web.text import TextDecoder, encode_text, text_size

from ..helpers import bounded


@pytest.mark.parametrize("size", range(8))
def test_each_part_has_its_own_padding(size: int) -> None:
    text = encode_text(b"a" * size)
    assert text == base64.b64encode(b"a" * size)
    assert len(text) == text_size(size)


@bounded
@given(st.lists(st.binary(max_size=12), max_size=6), st.integers(1, 9))
def test_parts_may_be_cut_at_any_byte(parts: list[bytes], size: int) -> None:
    text = b"".join(map(encode_text, parts))
    decoder = TextDecoder()
    got = [decoder.feed(text[start : start + size]) for start in range(0, len(text), size)]
    decoder.finish()
    assert b"".join(got) == b"".join(parts)


@pytest.mark.parametrize(
    "text",
    [b"!AAA", b"AA-_", b"AA A", b"AAA\n", b"=AAA", b"A===", b"====", b"AA=A", b"A=AA", b"\xff" * 4],
)
def test_malformed_base64_is_an_invalid_argument(text: bytes) -> None:
    for data in (text, b"AAAA" + text, text + b"AAAA", b"AA==" + text):
        with pytest.raises(ConnectError, match="invalid base64") as caught:
            TextDecoder().feed(data)
        assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("text", [b"A", b"AA", b"AA=", b"AAAAA"])
def test_a_body_that_ends_inside_its_base64_is_an_invalid_argument(text: bytes) -> None:
    decoder = TextDecoder()
    decoder.feed(text)
    with pytest.raises(ConnectError, match="ended inside") as caught:
        decoder.finish()
    assert caught.value.code is Code.INVALID_ARGUMENT


@bounded
@given(st.lists(st.binary(max_size=8), max_size=5))
def test_any_bytes_are_decoded_or_a_connect_error(chunks: list[bytes]) -> None:
    decoder = TextDecoder()
    try:
        size = sum(len(decoder.feed(chunk)) for chunk in chunks)
        decoder.finish()
    except ConnectError:
        return
    assert size <= sum(map(len, chunks))


@bounded
@given(st.binary(max_size=8), st.integers(0, 9), st.integers(1, 9))
def test_wanted_never_exceeds_the_rest_of_the_body(before: bytes, cut: int, size: int) -> None:
    """A server that waits for more bytes than the client sends would wait until it times out."""
    text = encode_text(before + b"a" * size)
    decoder = TextDecoder()
    have = len(decoder.feed(text[:cut]))
    missing = len(before) + size - have
    if missing:
        assert decoder.wanted(missing) <= len(text) - min(cut, len(text))


def test_time_grows_in_proportion_to_the_number_of_parts(grows_in_proportion) -> None:
    assert grows_in_proportion(lambda size: TextDecoder().feed(b"AA==" * size), 500)
