import copy
import pickle

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import Default, DescriptorPool
from google.protobuf.type_pb2 import Field, Option
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import Code, ConnectError, JsonCodec, ProtoCodec
from connectrpc_protocol.encoding.codec import decode_function, encode_function

OPTIONS = {
    "always_print_fields_with_no_presence": True,
    "preserving_proto_field_name": True,
    "use_integers_for_enums": True,
    "ignore_unknown_fields": False,
}
STRICT = JsonCodec(ignore_unknown_fields=False)


def test_the_name_on_the_wire_is_json() -> None:
    assert JsonCodec.name == JsonCodec(**OPTIONS).name == "json"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, '{"kind":"TYPE_INT32","typeUrl":"a","oneofIndex":1}'),
        ({"use_integers_for_enums": True}, '{"kind":5,"typeUrl":"a","oneofIndex":1}'),
        (
            {"preserving_proto_field_name": True},
            '{"kind":"TYPE_INT32","type_url":"a","oneof_index":1}',
        ),
    ],
)
def test_options_decide_what_is_written(options: dict[str, bool], expected: str) -> None:
    message = Field(kind=Field.TYPE_INT32, type_url="a", oneof_index=1)
    codec = JsonCodec(**options)
    assert codec.encode(message).decode() == expected
    assert codec.decode(codec.encode_stable(message), Field) == message


def test_fields_without_presence_are_written_on_request() -> None:
    # `value` is a message, which has presence.
    written = JsonCodec(always_print_fields_with_no_presence=True).encode(Option())
    assert written == b'{"name":""}'
    assert JsonCodec().encode(Option()) == b"{}"


def test_options_hold_inside_an_any() -> None:
    message = Any()
    message.Pack(Field(kind=Field.TYPE_INT32))
    assert JsonCodec(use_integers_for_enums=True).encode(message).endswith(b',"kind":5}')


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"newer":1}', 'has no field named "newer"'),
        (b'{"field":[{"newer":1}]}', 'has no field named "newer"'),
        (b'{"field":[{"type":"TYPE_NEWER"}]}', "TYPE_NEWER"),
    ],
)
def test_unknown_fields_and_enum_values_are_refused_in_one_line(data: bytes, reason: str) -> None:
    JsonCodec().decode(data, DescriptorProto)
    with pytest.raises(ValueError, match=reason) as caught:
        STRICT.decode(data, DescriptorProto)
    assert "\n" not in str(caught.value)


def test_unknown_members_beside_a_value_in_an_any_are_refused() -> None:
    data = b'{"@type":"t/google.protobuf.StringValue","value":"a","newer":1}'
    assert JsonCodec().decode(data, Any).value == StringValue(value="a").SerializeToString()
    with pytest.raises(ValueError, match="a message has an unknown field 'newer'"):
        STRICT.decode(data, Any)


def test_an_any_with_a_form_of_its_own_needs_a_value() -> None:
    with pytest.raises(ValueError, match="field 'value' must have a member 'value'"):
        JsonCodec().decode(b'{"value":{"@type":"t/google.protobuf.StringValue"}}', Option)


def test_the_pool_replaces_the_default_pool() -> None:
    pool = DescriptorPool()
    file = FileDescriptorProto(name="only.proto", package="t")
    file.message_type.add(name="Only").field.add(
        name="data",
        number=1,
        type=FieldDescriptorProto.TYPE_BYTES,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
    )
    pool.Add(file)
    codec = JsonCodec(descriptor_pool=pool)
    message = Any(type_url="t/t.Only", value=b"\x0a\x01a")
    # Protobuf in pure Python cannot compare an `Any` of a type that the default pool lacks.
    decoded = codec.decode(codec.encode(message), Any)
    assert decoded.SerializeToString() == message.SerializeToString()
    with pytest.raises(ValueError, match="field 'data' must be base64"):
        codec.decode(b'{"@type":"t/t.Only","data":"!!!!"}', Any)
    with pytest.raises(ValueError, match=r"t\.Only"):
        JsonCodec().decode(b'{"@type":"t/t.Only"}', Any)
    with pytest.raises(ValueError, match="StringValue"):
        codec.decode(b'{"@type":"t/google.protobuf.StringValue","value":"a"}', Any)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Any(type_url="t/t.Unknown"), r"t/t\.Unknown"),
        (Any(type_url="t/google.protobuf.StringValue", value=b"\x07"), r"\S"),
    ],
)
def test_an_any_that_cannot_be_unpacked_is_internal(message: Any, reason: str) -> None:
    for encode in (JsonCodec().encode, JsonCodec().encode_stable):
        with pytest.raises(ConnectError, match=f" to json: .*{reason}") as caught:
            encode(message)
        assert caught.value.code is Code.INTERNAL


def test_the_text_of_an_error_is_short() -> None:
    with pytest.raises(ConnectError) as caught:
        JsonCodec().encode(Any(type_url="t/" + "a" * 10_000))
    assert len(caught.value.message) < 300


def test_repr_has_the_options_that_differ_from_the_defaults() -> None:
    assert repr(JsonCodec()) == "JsonCodec()"
    shown = ", ".join(f"{name}={value}" for name, value in OPTIONS.items())
    assert repr(JsonCodec(**OPTIONS)) == f"JsonCodec({shown})"
    assert repr(JsonCodec(descriptor_pool=Default())).startswith("JsonCodec(descriptor_pool=<")


@pytest.mark.parametrize("name", [*OPTIONS, "descriptor_pool"])
def test_options_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(JsonCodec(), name, True)


def test_options_are_given_by_keyword() -> None:
    with pytest.raises(TypeError):
        JsonCodec(True)


@pytest.mark.parametrize("pool", ["pool", Any, DescriptorProto.DESCRIPTOR.file])
def test_another_object_than_a_pool_is_a_type_error(pool: object) -> None:
    with pytest.raises(TypeError, match="descriptor_pool must be a DescriptorPool: "):
        JsonCodec(descriptor_pool=pool)


def test_codecs_with_equal_options_are_equal_and_copies_work() -> None:
    codec = JsonCodec(**OPTIONS)
    codec.decode(b"{}", DescriptorProto)  # the codec keeps what it learned about the type
    for other in (JsonCodec(**OPTIONS), copy.deepcopy(codec), pickle.loads(pickle.dumps(codec))):
        assert (codec, hash(codec)) == (other, hash(other))
        assert other.decode(b'{"name":"a"}', DescriptorProto).name == "a"
    assert codec != JsonCodec()


def test_every_proto_codec_uses_the_functions_of_protobuf_directly() -> None:
    codec = ProtoCodec()
    assert decode_function(codec, StringValue) == StringValue.FromString
    assert encode_function(codec, StringValue) == StringValue.SerializeToString
