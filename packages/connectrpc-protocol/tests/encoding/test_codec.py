import json

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import BytesValue, FloatValue, Int64Value, StringValue
from hypothesis import example, given
from hypothesis import strategies as st

from connectrpc_protocol import Codec, JsonCodec, ProtoCodec
from connectrpc_protocol.encoding.codec import resolve_codec

from ..helpers import bounded

PROTO, JSON = ProtoCodec(), JsonCodec()
codecs = pytest.mark.parametrize("codec", [PROTO, JSON], ids=["proto", "json"])

# Types with a JSON form of their own, and `DescriptorProto` with enums, options and nesting.
TYPES: list[type[Message]] = [
    Any,
    BytesValue,
    DescriptorProto,
    FloatValue,
    Int64Value,
    ListValue,
    StringValue,
    Struct,
    Timestamp,
    Value,
]

values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))


def nested_value(depth: int) -> bytes:
    """Return a google.protobuf.Value in binary: a list in a list in a list, to this depth."""
    data = b""
    for _ in range(depth):
        data = b"\x0a" + varint(len(data)) + data
        data = b"\x32" + varint(len(data)) + data
    return data


@bounded
@given(st.dictionaries(st.text(), values, max_size=5))
@codecs
def test_a_message_survives_the_round_trip(codec: Codec, fields: dict[str, object]) -> None:
    message = Struct()
    message.update(fields)
    assert codec.decode(codec.encode(message), Struct) == message


@bounded
@given(st.dictionaries(st.text(), st.text(), max_size=8), st.randoms(use_true_random=False))
@codecs
def test_equal_messages_have_equal_stable_bytes(codec: Codec, fields, random) -> None:
    shuffled = list(fields.items())
    random.shuffle(shuffled)
    one, other = Struct(), Struct()
    one.update(fields)
    other.update(dict(shuffled))
    assert codec.encode_stable(one) == codec.encode_stable(other)


@bounded
@given(st.binary(max_size=64), st.sampled_from(TYPES))
@codecs
def test_any_bytes_are_a_message_or_a_value_error(
    codec: Codec, data: bytes, message_type: type[Message]
) -> None:
    try:
        message = codec.decode(data, message_type)
    except ValueError:
        return
    assert isinstance(message, message_type)


@bounded
@given(values | st.integers() | st.floats(), st.sampled_from(TYPES))
@example({"@type": 5}, Any)
@example({"@type": "type.googleapis.com/google.protobuf.Struct", "value": 5}, Any)
@example({"field": [{"number": 1e400}]}, DescriptorProto)
@example({"options": [None]}, DescriptorProto)
@example({"field": [{"label": 99999999999}]}, DescriptorProto)
@example("99999-01-01T00:00:00Z", Timestamp)
def test_any_json_is_a_message_or_a_value_error(value: object, message_type: type[Message]) -> None:
    try:
        message = JSON.decode(json.dumps(value).encode(), message_type)
    except ValueError:
        return
    assert isinstance(message, message_type)


@pytest.mark.parametrize(
    ("data", "message_type"),
    [
        (b"[" * 200_000, ListValue),
        (b"[" * 200_000, StringValue),
        (b'{"a":' * 100_000, Struct),
        (b"[" * 500 + b"]" * 500, ListValue),
        (b"9" * 5_000, Value),
        (b'"' + b"9" * 5_000 + b'"', Int64Value),
        (b"\xff\xfe", StringValue),
        (b'"\xc3"', StringValue),
        (b'"\\ud800"', StringValue),
        (b"", StringValue),
        (b"{} {}", Struct),
        (b'{"a":1,"a":2}', Struct),
        (b'"not base64!"', BytesValue),
        (b"1e999", FloatValue),
    ],
)
def test_hostile_json_is_a_value_error(data: bytes, message_type: type[Message]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        JSON.decode(data, message_type)


@pytest.mark.parametrize(
    "data", [nested_value(5_000), b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x02\xff\xff", b"\x07"]
)
def test_hostile_binary_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        PROTO.decode(data, Value if data.startswith(b"\x32") else StringValue)


def test_json_nested_beyond_the_stack_is_a_value_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(*_args: object, **_options: object) -> None:
        raise RecursionError

    monkeypatch.setattr("google.protobuf.json_format.ParseDict", overflow)
    with pytest.raises(ValueError, match="nested too deeply"):
        JSON.decode(b"{}", Struct)


def test_json_is_compact_utf8() -> None:
    message = Struct()
    message.update({"city": "Zürich", "n": [1, True, None]})
    assert JSON.encode_stable(message) == '{"city":"Zürich","n":[1.0,true,null]}'.encode()


def test_json_ignores_unknown_fields() -> None:
    assert JSON.decode(b'{"name":"M","brandNew":1}', DescriptorProto) == DescriptorProto(name="M")


def test_json_accepts_field_names_of_the_proto_file_and_of_json() -> None:
    both = [
        JSON.decode(data, DescriptorProto)
        for data in (b'{"nested_type":[{}]}', b'{"nestedType":[{}]}')
    ]
    assert both == [DescriptorProto(nested_type=[DescriptorProto()])] * 2


def test_binary_keeps_unknown_fields() -> None:
    data = StringValue(value="kept").SerializeToString()
    assert PROTO.encode(PROTO.decode(data, Timestamp)) == data


@pytest.mark.parametrize("name", ["proto", "json"])
def test_resolve_codec_finds_a_codec_by_its_name(name: str) -> None:
    assert resolve_codec(name).name == name


def test_resolve_codec_returns_a_codec_object_unchanged() -> None:
    own = JsonCodec()
    assert resolve_codec(own) is own


def test_an_unknown_codec_is_a_value_error_that_lists_the_known_names() -> None:
    with pytest.raises(ValueError, match="unknown codec 'xml'; known by name: 'proto', 'json'"):
        resolve_codec("xml")
