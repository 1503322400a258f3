"""The JSON codec and its options."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TypeVar, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

from connectrpc_protocol.code import Code
from connectrpc_protocol.encoding.json_check import JsonChecks
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.names import CodecName
from connectrpc_protocol.parse_errors import parse_error_reason

M = TypeVar("M", bound=Message)

# `json.dumps` makes an encoder for each call, unless all of its options are the defaults.
_DUMP = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_DUMP_SORTED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode

_REASON_LENGTH = 200  # characters; json_format may quote long values of the message


@dataclass(frozen=True, kw_only=True, repr=False)
class JsonCodec:
    """The canonical JSON mapping of Protobuf (protobuf.dev/programming-guides/json).

    The options have the names that they have in `google.protobuf.json_format`. They cannot be
    changed later.

    - `always_print_fields_with_no_presence`: also write the fields without presence that have their
      default value: numbers, strings, bytes, booleans and enums of proto3, lists and maps. Fields
      with presence, such as messages, `optional` fields and members of a `oneof`, are written only
      if they are set.
    - `preserving_proto_field_name`: write the names of the proto file, such as `first_name` instead
      of `firstName`. Both forms are always read.
    - `use_integers_for_enums`: write the numbers of enum values instead of their names. Both are
      always read.
    - `ignore_unknown_fields`: read messages with fields and names of enum values that this schema
      does not have, because the peer may have a newer one. If false, such messages are malformed:
      the client gets `invalid_argument` from the server, and raises `internal` for a response.
    - `descriptor_pool`: where the types of the messages in a `google.protobuf.Any` are looked up,
      instead of in the default pool, which has the types of all generated modules that were
      imported.

    Raises `TypeError` for a `descriptor_pool` that is not a pool.
    """

    name: CodecName = field(default="json", init=False)

    always_print_fields_with_no_presence: bool = False
    preserving_proto_field_name: bool = False
    use_integers_for_enums: bool = False
    ignore_unknown_fields: bool = True
    descriptor_pool: DescriptorPool | None = None

    def __post_init__(self) -> None:
        pool: object = self.descriptor_pool
        if pool is not None and not hasattr(pool, "FindMessageTypeByName"):
            raise TypeError(f"descriptor_pool must be a DescriptorPool: {pool!r}")

    def encode(self, message: Message) -> bytes:
        """Return the JSON of a message.

        Raises `ConnectError` (`internal`) if the pool does not have the type of an `Any`, or if the
        bytes in it are malformed: they may come from another peer, so the code may be right. Raises
        an error of json_format for values that JSON does not have, such as NaN in a `Struct`.
        """
        return _DUMP(self._to_dict(message)).encode()

    def encode_stable(self, message: Message) -> bytes:
        """Return the JSON of a message, with sorted names. Raises the errors of `encode`."""
        return _DUMP_SORTED(self._to_dict(message)).encode()

    def decode(self, data: bytes, message_type: type[M]) -> M:
        """Return the message of this JSON. Raises `ValueError` if it is malformed."""
        message = message_type()
        try:
            value = json.loads(data.decode(), object_pairs_hook=_without_duplicates)
            self._checks.check(value, cast("Descriptor", message_type.DESCRIPTOR))
            json_format.ParseDict(
                value,
                message,
                ignore_unknown_fields=self.ignore_unknown_fields,
                descriptor_pool=self.descriptor_pool,
            )
        except ValueError:
            raise
        except Exception as error:
            # Besides its own error, json_format raises others for values of a wrong type. A hostile
            # peer may nest brackets deeper than the stack of the parser.
            raise ValueError(_reason(error)) from None
        return message

    def _to_dict(self, message: Message) -> Mapping[str, object]:
        try:
            return json_format.MessageToDict(
                message,
                always_print_fields_with_no_presence=self.always_print_fields_with_no_presence,
                preserving_proto_field_name=self.preserving_proto_field_name,
                use_integers_for_enums=self.use_integers_for_enums,
                descriptor_pool=self.descriptor_pool,
            )
        except (TypeError, DecodeError) as error:  # only for what is inside an `Any`
            name, reason = message.DESCRIPTOR.full_name, _reason(error)[:_REASON_LENGTH]
            raise ConnectError(
                Code.INTERNAL, f"cannot encode {name} to {self.name}: {reason}"
            ) from error

    @cached_property
    def _checks(self) -> JsonChecks:
        return JsonChecks(self.descriptor_pool, ignore_unknown_fields=self.ignore_unknown_fields)

    def __getstate__(self) -> dict[str, object]:
        # The checks contain descriptors, which cannot be copied.
        return {name: value for name, value in vars(self).items() if name != "_checks"}

    def __repr__(self) -> str:
        values = (
            (each.name, getattr(self, each.name), each.default)
            for each in fields(self)
            if each.init
        )
        given = (f"{name}={value!r}" for name, value, default in values if value != default)
        return f"{type(self).__name__}({', '.join(given)})"


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a JSON object has two members with the same name")
    return value


def _reason(error: Exception) -> str:
    """Return the first line of the text, without the list of all fields that json_format adds."""
    return parse_error_reason(error).partition("\n")[0]
