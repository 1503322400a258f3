"""Checks of JSON messages that `google.protobuf.json_format` does not make.

If json_format ignores unknown fields, it takes `[]` or `"text"` in place of a JSON object for an
empty message. It also drops all characters of a bytes field that are not base64.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import TypeGuard

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import Default, DescriptorPool

_Check = Callable[[object, str], None]
"""Raises `ValueError` for a faulty value; the text names the value."""

# Either alphabet of RFC 4648, sections 4 and 5, but not both in one value.
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)(={0,2})")

_LABEL_REPEATED = 3  # of google.protobuf.FieldDescriptorProto.Label

# Types with a JSON form of their own, which json_format checks itself
# (protobuf.dev/programming-guides/json).
_CHECKED_BY_JSON_FORMAT = {
    f"google.protobuf.{name}"
    for name in (
        *("Duration", "FieldMask", "ListValue", "Struct", "Timestamp", "Value"),
        *("BoolValue", "DoubleValue", "FloatValue", "Int32Value", "Int64Value"),
        *("StringValue", "UInt32Value", "UInt64Value"),
    )
}


class JsonChecks:
    """The checks of all message types for one codec.

    The types of the messages in an `Any` are looked up in `pool`, or in the default pool if it is
    `None`.
    """

    def __init__(
        self, pool: DescriptorPool | None = None, *, ignore_unknown_fields: bool = True
    ) -> None:
        self._pool: DescriptorPool = Default() if pool is None else pool
        self._ignore_unknown_fields = ignore_unknown_fields
        # Grows with the message types of the process and the pool, which a peer cannot add to.
        self._message_check = cache(self._make_message_check)

    def check(self, value: object, message_type: Descriptor) -> None:
        """Raise `ValueError` unless a parsed JSON value may be a message of this type."""
        check = self._message_check(message_type)
        if value is None and isinstance(check, _ObjectCheck):
            raise ValueError("a message must be a JSON object")
        if check is not None:
            check(value, "a message")

    def field_check(self, field: FieldDescriptor) -> _Check | None:
        """Return the check of a field, or `None` if json_format checks it."""
        message_type = field.message_type
        if message_type is not None and message_type.GetOptions().map_entry:
            check = self._value_check(message_type.fields_by_name["value"])
            return None if check is None else _check_each_value(check)
        check = self._value_check(field)
        return _check_each_item(check) if check is not None and _is_repeated(field) else check

    def _value_check(self, field: FieldDescriptor) -> _Check | None:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return _check_bytes
        return None if field.message_type is None else self._message_check(field.message_type)

    def _make_message_check(self, descriptor: Descriptor) -> _Check | None:
        if descriptor.full_name in _CHECKED_BY_JSON_FORMAT:
            return None
        if descriptor.full_name == "google.protobuf.BytesValue":
            return _check_bytes
        if descriptor.full_name == "google.protobuf.Any":
            return self._check_any
        return _ObjectCheck(descriptor, self)

    def _check_any(self, value: object, name: str) -> None:
        if value is None:
            return
        if not _is_object(value):
            raise ValueError(f"{name} must be a JSON object")
        url = value.get("@type")
        try:
            descriptor = self._pool.FindMessageTypeByName(str(url).rpartition("/")[2])
        except KeyError:
            return  # json_format refuses it
        check = self._message_check(descriptor)
        if isinstance(check, _ObjectCheck):
            check(value, name)
            return
        # A type with a JSON form of its own has the form in the member `value`.
        if "value" not in value:
            raise ValueError(f"{name} must have a member 'value'")
        unknown = value.keys() - {"@type", "value"}
        if unknown and not self._ignore_unknown_fields:
            raise ValueError(f"{name} has an unknown field {min(unknown)!r}")
        if check is not None:
            check(value["value"], name)


class _ObjectCheck:
    """The check of a message. It looks only at the fields that json_format reads leniently."""

    __slots__ = ("_checks", "_descriptor", "_fields")

    def __init__(self, descriptor: Descriptor, checks: JsonChecks) -> None:
        self._descriptor = descriptor
        self._checks = checks
        self._fields: dict[str, _Check] | None = None  # built late, because types may be recursive

    def __call__(self, value: object, name: str) -> None:
        if value is None:
            return  # a field that is not set
        if not _is_object(value):
            raise ValueError(f"{name} must be a JSON object")
        fields = self._fields
        if fields is None:
            fields = self._fields = self._build()
        if fields or self._descriptor.is_extendable:
            for key, member in value.items():
                check = fields.get(key) or self._extension_check(key)
                if check is not None:
                    check(member, f"field {key!r}")

    def _build(self) -> dict[str, _Check]:
        checks = {field: self._checks.field_check(field) for field in self._descriptor.fields}
        return {
            name: check
            for field, check in checks.items()
            for name in (field.name, field.json_name)
            if check is not None
        }

    def _extension_check(self, key: str) -> _Check | None:
        if not (self._descriptor.is_extendable and key.startswith("[") and key.endswith("]")):
            return None
        pool = self._descriptor.file.pool
        # If json_format does not find a name, it tries the name without its last part.
        for name in (key[1:-1], key[1:-1].rpartition(".")[0]):
            with suppress(KeyError):
                return self._checks.field_check(pool.FindExtensionByName(name))
        return None


def _is_repeated(field: FieldDescriptor) -> bool:
    is_repeated: bool | None = getattr(field, "is_repeated", None)
    if is_repeated is None:  # protobuf before 6.31
        return bool(getattr(field, "label", None) == _LABEL_REPEATED)
    return is_repeated


def _check_each_item(check: _Check) -> _Check:
    def check_items(value: object, name: str) -> None:
        for item in value if _is_array(value) else ():  # json_format refuses what is not a list
            check(item, name)

    return check_items


def _check_each_value(check: _Check) -> _Check:
    def check_values(value: object, name: str) -> None:
        for item in value.values() if _is_object(value) else ():
            check(item, name)

    return check_values


def _check_bytes(value: object, name: str) -> None:
    if value is None:
        return
    match = _BASE64.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{name} must be base64")
    padding = match[1]
    size = match.end() - len(padding)
    if size % 4 == 1 or (padding and len(padding) != -size % 4):
        raise ValueError(f"{name} must be base64")


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, dict)


def _is_array(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
