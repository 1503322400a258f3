import json
import re
from types import SimpleNamespace

import pytest
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    type_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from connectrpc_protocol import JsonCodec
from connectrpc_protocol.encoding import json_check


def probe_type() -> type[Message]:
    """A message with every kind of field that json_format reads leniently."""
    pool = DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="probe.proto", package="t", syntax="proto2")
    probe = file.message_type.add(name="Probe")
    probe.extension_range.add(start=100, end=200)
    field = descriptor_pb2.FieldDescriptorProto
    for number, (name, kind, label, type_name) in enumerate(
        [
            ("data", field.TYPE_BYTES, field.LABEL_OPTIONAL, ""),
            ("many_data", field.TYPE_BYTES, field.LABEL_REPEATED, ""),
            ("child", field.TYPE_MESSAGE, field.LABEL_OPTIONAL, ".t.Probe"),
            ("children", field.TYPE_MESSAGE, field.LABEL_REPEATED, ".t.Probe"),
            ("data_by_name", field.TYPE_MESSAGE, field.LABEL_REPEATED, ".t.Probe.DataByNameEntry"),
            ("names", field.TYPE_MESSAGE, field.LABEL_REPEATED, ".t.Probe.NamesEntry"),
            ("text", field.TYPE_STRING, field.LABEL_OPTIONAL, ""),
        ],
        start=1,
    ):
        probe.field.add(
            name=name, number=number, type=kind, label=label, type_name=type_name or None
        )
    for name, kind in (("DataByNameEntry", field.TYPE_BYTES), ("NamesEntry", field.TYPE_STRING)):
        entry = probe.nested_type.add(name=name)
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
        entry.field.add(name="value", number=2, type=kind, label=field.LABEL_OPTIONAL)
    file.extension.add(
        name="more",
        number=100,
        type=field.TYPE_BYTES,
        label=field.LABEL_OPTIONAL,
        extendee=".t.Probe",
    )
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("t.Probe"))


Probe = probe_type()


def decode(value: object, message_type: type[Message] = Probe) -> Message:
    return JsonCodec().decode(json.dumps(value).encode(), message_type)


@pytest.mark.parametrize("value", [[], ["text"], "text", 5, True, None])
@pytest.mark.parametrize("message_type", [Probe, empty_pb2.Empty, type_pb2.Option])
def test_a_message_must_be_an_object(value: object, message_type: type[Message]) -> None:
    with pytest.raises(ValueError, match="a message must be a JSON object"):
        decode(value, message_type)


@pytest.mark.parametrize("value", [[], ["text"], "text", 5, True])
@pytest.mark.parametrize(
    "path", [["child"], ["children", 0], ["child", "child"], ["children", 0, "child"]]
)
def test_a_field_of_a_message_type_must_be_an_object(value: object, path: list[object]) -> None:
    for step in reversed(path):
        value = [value] if step == 0 else {step: value}
    with pytest.raises(ValueError, match=r"field 'child(ren)?' must be a JSON object"):
        decode(value)


@pytest.mark.parametrize(
    "text", ["!!!!", "a", "YQ=", "YQ===", "Y Q=", "YQ==YQ==", "-_+/", "\u00e9A", 5]
)
@pytest.mark.parametrize(
    ("name", "wrap"),
    [
        ("data", lambda text: text),
        ("manyData", lambda text: [text]),
        ("many_data", lambda text: ["", text]),
        ("dataByName", lambda text: {"a": text}),
        ("[t.more]", lambda text: text),
        ("[t.more.last_part]", lambda text: text),
    ],
)
def test_bytes_must_be_base64(name: str, wrap: object, text: object) -> None:
    assert callable(wrap)
    with pytest.raises(ValueError, match=f"field '{re.escape(name)}' must be base64"):
        decode({name: wrap(text)})


@pytest.mark.parametrize("text", ["", "YQ", "YQ==", "-_-_", "+/+/", "YWI", "YWI=", "YWJj"])
def test_base64_of_both_alphabets_is_read(text: str) -> None:
    message = decode(
        {"data": text, "manyData": [text], "dataByName": {"a": text}, "[t.more]": text}
    )
    assert message.ByteSize() > 0


def test_null_and_unknown_fields_are_ignored() -> None:
    value = {"child": None, "data": None, "unknown": [], "[t.unknown]": "!", "names": {"a": "!"}}
    assert decode(value).ByteSize() > 0


@pytest.mark.parametrize("value", [{"manyData": "YQ"}, {"children": {}}, {"dataByName": []}])
def test_a_container_of_the_wrong_kind_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(value)


@pytest.mark.parametrize(
    ("message_type", "value"),
    [
        (timestamp_pb2.Timestamp, "2026-01-01T00:00:00Z"),
        (duration_pb2.Duration, "1.5s"),
        (field_mask_pb2.FieldMask, "a,b"),
        (struct_pb2.Struct, {"a": [1, "x", None]}),
        (struct_pb2.ListValue, [1, {}]),
        (struct_pb2.Value, "text"),
        (struct_pb2.Value, None),
        (struct_pb2.Value, []),
        (wrappers_pb2.StringValue, "text"),
        (wrappers_pb2.Int64Value, "5"),
        (wrappers_pb2.BytesValue, "YQ=="),
        (any_pb2.Any, {}),
        (empty_pb2.Empty, {"unknown": []}),
        (any_pb2.Any, {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}),
        (any_pb2.Any, {"@type": "type.googleapis.com/google.protobuf.Option", "name": "x"}),
    ],
)
def test_well_known_types_keep_their_own_json(message_type: type[Message], value: object) -> None:
    assert isinstance(decode(value, message_type), message_type)


@pytest.mark.parametrize(
    ("message_type", "value"),
    [
        (wrappers_pb2.BytesValue, "!!!!"),
        (struct_pb2.Struct, []),
        (timestamp_pb2.Timestamp, []),
        (any_pb2.Any, "text"),
        (any_pb2.Any, {"@type": "t/unknown.Type"}),
        (any_pb2.Any, {"@type": "t/google.protobuf.BytesValue", "value": "!!!!"}),
        (any_pb2.Any, {"@type": "t/google.protobuf.Option", "value": "text"}),
    ],
)
def test_a_faulty_well_known_type_is_a_value_error(
    message_type: type[Message], value: object
) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(value, message_type)


def test_a_null_any_is_left_to_json_format() -> None:
    assert decode({"value": None}, type_pb2.Option) == type_pb2.Option()


def test_duplicate_members_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="two members with the same name"):
        JsonCodec().decode(b'{"text": "a", "text": "b"}', Probe)


@pytest.mark.parametrize(("label", "is_repeated"), [(1, False), (3, True)])
def test_older_versions_of_protobuf_know_repeated_fields_by_label(
    label: int, is_repeated: bool
) -> None:
    assert json_check._is_repeated(SimpleNamespace(label=label)) is is_repeated
