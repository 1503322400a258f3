"""Source: grpc/grpc, PROTOCOL-WEB.md, "Message framing"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrpc_protocol import Headers
from connectrpc_protocol.grpc_web.trailers import pack_trailers, parse_trailers

from ..helpers import bounded


def test_trailers_are_an_envelope_of_header_lines() -> None:
    data = pack_trailers([(b"grpc-status", b"0"), (b"x-a", b"1: 2")])
    block = b"grpc-status: 0\r\nx-a: 1: 2\r\n"
    assert data == b"\x80\0\0\0" + bytes((len(block),)) + block
    assert dict(parse_trailers(block)) == {"grpc-status": "0", "x-a": "1: 2"}


@pytest.mark.parametrize(
    "pair", [(b"x-a", b"1\r\ngrpc-status: 0"), (b"x-a\ny", b"1"), (b"x-a", b"1\r")]
)
def test_a_trailer_with_a_line_break_is_left_out(pair: tuple[bytes, bytes]) -> None:
    assert pack_trailers([pair, (b"x-b", b"2")]) == pack_trailers([(b"x-b", b"2")])


@pytest.mark.parametrize(
    "block",
    [
        b"GRPC-Status: 5\r\nX-A: 1\r\nx-a: 2\r\n",
        b"grpc-status:5\nx-a:1\nx-a:2",
        b"\r\n grpc-status: 5 \r\n\tx-a: \t 1\r\nx-a: 2\r\n\r\n",
    ],
)
def test_trailers_in_the_formats_of_other_servers_are_read(block: bytes) -> None:
    headers = parse_trailers(block)
    assert list(headers.multi_items()) == [("grpc-status", "5"), ("x-a", "1"), ("x-a", "2")]


@pytest.mark.parametrize("line", [b"grpc-status", b"\0", b"\xff\xff"])
def test_a_line_without_a_colon_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError, match="no colon in"):
        parse_trailers(b"x-a: 1\r\n" + line + b"\r\n")


@pytest.mark.parametrize("line", [b": 1", b"x y: 1", b"x-b: \0", b"x-b: 1\r2", b"x\xff: 1"])
def test_a_trailer_that_http_cannot_carry_is_left_out(line: bytes) -> None:
    assert dict(parse_trailers(b"x-a: 1\r\n" + line + b"\r\n")) == {"x-a": "1"}


pieces = st.sampled_from([b"x", b":", b"\r", b"\n", b" ", b"\0"])


@bounded
@given(st.binary(max_size=80) | st.lists(pieces).map(b"".join))
def test_any_block_is_trailers_or_a_value_error(block: bytes) -> None:
    try:
        headers = parse_trailers(block)
    except ValueError:
        return
    assert Headers(headers) == headers


def test_time_grows_in_proportion_to_the_length_of_a_block(grows_in_proportion) -> None:
    assert grows_in_proportion(lambda size: parse_trailers(b"x: 1" * size + b"\n"), 50_000)
    assert grows_in_proportion(lambda size: parse_trailers(b"x:" + b"\t " * size + b"\n"), 50_000)


def test_a_block_of_more_than_1000_lines_is_a_value_error() -> None:
    lines = [b"x-%d: 1\r\n" % number for number in range(1001)]
    assert len(parse_trailers(b"".join(lines[1:]))) == 1000
    with pytest.raises(ValueError, match="more than 1000 lines"):
        parse_trailers(b"".join(lines))
