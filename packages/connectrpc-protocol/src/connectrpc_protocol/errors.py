"""The error of a failed call, and its typed details."""

from collections.abc import Iterable
from typing import TypeVar, cast

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from connectrpc_protocol.code import Code
from connectrpc_protocol.headers import Headers, HeadersInput
from connectrpc_protocol.parse_errors import PARSE_ERRORS, parse_error_reason
from connectrpc_protocol.reserved_headers import ErrorMetadata

M = TypeVar("M", bound=Message)


class ErrorDetail:
    """A serialized Protobuf message that is attached to an error.

    `type_name` is the full name of the message, such as `google.rpc.RetryInfo`. `value` is its
    serialized form.
    """

    __slots__ = ("type_name", "value")

    def __init__(self, type_name: str, value: bytes) -> None:
        self.type_name = type_name
        self.value = value

    @classmethod
    def of(cls, detail: "Message | ErrorDetail") -> "ErrorDetail":
        """Return the detail for a message. For an `Any`, it is the message inside the `Any`."""
        if isinstance(detail, ErrorDetail):
            return detail
        if isinstance(detail, AnyMessage):
            return cls(detail.type_url.rpartition("/")[2], detail.value)
        return cls(detail.DESCRIPTOR.full_name, detail.SerializeToString())

    def is_type(self, message_type: type[Message]) -> bool:
        """Return whether the detail is a message of this type."""
        return self.type_name == message_type.DESCRIPTOR.full_name

    def unpack(self, message_type: type[M]) -> M:
        """Return the detail as a message.

        Raises `TypeError` if it is of another type, and `ValueError` if its bytes are malformed.
        """
        if not self.is_type(message_type):
            expected = message_type.DESCRIPTOR.full_name
            raise TypeError(f"this detail is a {self.type_name}, not a {expected}")
        message = message_type()
        try:
            message.ParseFromString(self.value)
        except PARSE_ERRORS as error:
            reason = parse_error_reason(error)
            raise ValueError(
                f"the bytes of this detail are not a {self.type_name}: {reason}"
            ) from None
        return message

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ErrorDetail) and (self.type_name, self.value) == (
            other.type_name,
            other.value,
        )

    def __hash__(self) -> int:
        return hash((self.type_name, self.value))

    def __repr__(self) -> str:
        return f"ErrorDetail({self.type_name!r}, {self.value!r})"


class ConnectError(Exception):
    """A failed call: a code, a message for people, and optional details for programs.

    If a handler raises it, the client receives it. A client raises it for every failed call. On the
    server, `metadata` is sent with the headers or the trailers of the response. On the client, it
    holds the headers and trailers that were received.

    Raises `TypeError` if the code is not a `Code` or the message is not a string, and `ValueError`
    for metadata that HTTP cannot carry, or with a name that HTTP or a protocol sets itself. The
    metadata of another error or call, which is a `Headers`, may have such names. They are not sent.
    """

    def __init__(
        self,
        code: Code,
        message: str = "",
        details: Iterable[Message | ErrorDetail] = (),
        metadata: HeadersInput | None = None,
    ) -> None:
        # Callers without a type checker make these mistakes. Later, they would hide this error.
        if not isinstance(code, Code):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"the code of an error must be a Code, not {code!r}")
        if not isinstance(message, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"the message of an error must be a string, not {message!r}")
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.details = tuple(ErrorDetail.of(detail) for detail in details)
        self.metadata = metadata if isinstance(metadata, Headers) else ErrorMetadata(metadata or ())

    def __str__(self) -> str:
        return f"{self.code.value}: {self.message}" if self.message else self.code.value

    def __repr__(self) -> str:
        return f"ConnectError({self.code!s}, {self.message!r}, details={self.details!r})"

    def __reduce__(self) -> tuple[object, ...]:
        # The constructor of a subclass may have other parameters. Unpickling must not call it.
        fields = (self.code, self.message, self.details, self.metadata)
        return _restored, (type(self), *fields), self.__dict__


def _restored(
    error_type: type[ConnectError],
    code: Code,
    message: str,
    details: tuple[ErrorDetail, ...],
    metadata: Headers,
) -> ConnectError:
    error = error_type.__new__(error_type)
    ConnectError.__init__(error, code, message, details, metadata)
    return error


# In characters: enough to recognize a value, and too few for a peer to fill a log or a page.
_QUOTE_LENGTH = 100


def quoted(value: str | bytes) -> str:
    """Return a value from the wire as an error text may show it: cut, escaped and in quotes."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return repr(text[:_QUOTE_LENGTH])


def as_connect_error(exc: BaseException, *, expose: bool = False) -> ConnectError:
    """Return the error to send to the client.

    An exception other than `ConnectError` is a bug of the server. Its text may contain secrets, so
    it becomes an `internal` error without that text, unless `expose` is true. A group of
    `ConnectError`s, such as from a `TaskGroup` in a handler, stands for the first of them.
    """
    errors = connect_errors(exc)
    if errors:
        return errors[0]
    text = f"{type(exc).__name__}: {exc}" if expose else "internal error"
    return ConnectError(Code.INTERNAL, text)


def connect_errors(exc: BaseException) -> list[ConnectError]:
    """Return the errors that an exception consists of, in order.

    The list has one error for a `ConnectError`, all errors of an exception group that contains
    only `ConnectError`s, and is empty for every other exception.
    """
    if isinstance(exc, ConnectError):
        return [exc]
    if not isinstance(exc, BaseExceptionGroup):
        return []
    group = cast("BaseExceptionGroup[BaseException]", exc)
    parts = [connect_errors(each) for each in group.exceptions]
    return [error for part in parts for error in part] if all(parts) else []


def too_large(limit: int) -> ConnectError:
    """Return the error of a message that exceeds the receiver's limit, in bytes."""
    return ConnectError(Code.RESOURCE_EXHAUSTED, f"message exceeds the limit of {limit} bytes")
