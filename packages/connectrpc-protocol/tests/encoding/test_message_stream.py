import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import Code, ConnectError, Gzip, ProtoCodec
from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.encoding.message_stream import (
    MessageReader,
    decode_single_message,
    end_limit,
)
from connectrpc_protocol.encoding.messages import MessageDecoder

from ..helpers import HELLO, HELLO_BYTES, HELLO_ENVELOPE

END = 0b10


def decoder(limit: int | None = None) -> MessageDecoder[StringValue]:
    return MessageDecoder(ProtoCodec(), StringValue, limit, Code.INTERNAL)


def reader(*, exactly_one: bool = False, limit: int | None = None) -> MessageReader[StringValue]:
    return MessageReader(decoder(limit), Gzip(), exactly_one=exactly_one, end_flag=END)


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, None), (0, 65_536), (65_536, 65_536), (65_537, 65_537)]
)
def test_the_end_of_a_stream_may_have_64_kib_or_as_much_as_a_message(
    limit: int | None, expected: int | None
) -> None:
    assert end_limit(limit) == expected


def test_a_reader_keeps_the_data_of_the_envelope_with_the_end_flag() -> None:
    stream = reader()
    assert list(stream.feed(HELLO_ENVELOPE)) == [HELLO]
    assert stream.end_data is None
    assert list(stream.feed(pack(END, b"end"))) == []
    assert stream.end_data == b"end"


def test_a_reader_decompresses_messages_and_the_end() -> None:
    stream = reader()
    compressed = pack(1, Gzip().compress(HELLO_BYTES)) + pack(END | 1, Gzip().compress(b"end"))
    assert list(stream.feed(compressed)) == [HELLO]
    assert stream.end_data == b"end"


def test_a_reader_uses_the_fault_of_its_decoder() -> None:
    with pytest.raises(ConnectError, match="invalid envelope flags 0x04") as caught:
        list(reader().feed(pack(4, b"")))
    assert caught.value.code is Code.INTERNAL


def test_a_reader_of_one_message_refuses_a_second_and_a_missing_one() -> None:
    stream = reader(exactly_one=True)
    with pytest.raises(ConnectError, match="no message, expected one"):
        stream.check_count()
    assert list(stream.feed(HELLO_ENVELOPE)) == [HELLO]
    stream.check_count()
    with pytest.raises(ConnectError, match="more than one message, expected one"):
        list(stream.feed(HELLO_ENVELOPE))


@pytest.mark.parametrize("body", [HELLO_ENVELOPE, pack(1, Gzip().compress(HELLO_BYTES))])
def test_decode_single_message_returns_the_message_of_a_body(body: bytes) -> None:
    assert decode_single_message(decoder(), body, Gzip()) == HELLO


def test_decode_single_message_checks_the_limit() -> None:
    with pytest.raises(ConnectError) as caught:
        decode_single_message(decoder(limit=6), HELLO_ENVELOPE, None)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
