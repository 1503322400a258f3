"""The error of every failed call, and its typed details."""

from collections.abc import Iterable
from typing import TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message

from connectrpc_protocol.code import Code
from connectrpc_protocol.headers import Headers, HeadersInput

M = TypeVar("M", bound=Message)


class ErrorDetail:
    """A Protobuf message attached to an error, kept serialized.

    `type_name` is the full name of the message, such as `google.rpc.RetryInfo`; `value` its bytes.
    """

    __slots__ = ("type_name", "value")

    def __init__(self, type_name: str, value: bytes) -> None:
        self.type_name = type_name
        self.value = value

    @classmethod
    def of(cls, detail: "Message | ErrorDetail") -> "ErrorDetail":
        """The detail of a message; an `Any` is taken as what it holds."""
        if isinstance(detail, ErrorDetail):
            return detail
        if isinstance(detail, AnyMessage):
            return cls(detail.type_url.rpartition("/")[2], detail.value)
        return cls(detail.DESCRIPTOR.full_name, detail.SerializeToString())

    def is_type(self, message_type: type[Message]) -> bool:
        """Whether the detail is a message of this type."""
        return self.type_name == message_type.DESCRIPTOR.full_name

    def unpack(self, message_type: type[M]) -> M:
        """The detail as a message.

        Raises `TypeError` when it is of another type and `ValueError` when its bytes are no such
        message.
        """
        if not self.is_type(message_type):
            expected = message_type.DESCRIPTOR.full_name
            raise TypeError(f"this detail is a {self.type_name}, not a {expected}")
        message = message_type()
        try:
            message.ParseFromString(self.value)
        except DecodeError as error:
            raise ValueError(f"the bytes of this detail are no {self.type_name}: {error}") from None
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
    """A failed call: a code, a message for people and, if wanted, details for programs.

    Raise it in a handler and the client receives it; a client raises it for every failed call.
    `metadata` goes out with the headers and trailers of the answer, and on the client holds those
    that came in.
    """

    def __init__(
        self,
        code: Code,
        message: str = "",
        details: Iterable[Message | ErrorDetail] = (),
        metadata: HeadersInput | None = None,
    ) -> None:
        # Not every caller has a type checker; found later, these would hide the error itself.
        if not isinstance(code, Code):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"the code of an error is a Code, not {code!r}")
        if not isinstance(message, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"the message of an error is a string, not {message!r}")
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.details = tuple(ErrorDetail.of(detail) for detail in details)
        self.metadata = metadata if isinstance(metadata, Headers) else Headers(metadata or ())

    def __str__(self) -> str:
        return f"{self.code.value}: {self.message}" if self.message else self.code.value

    def __repr__(self) -> str:
        return f"ConnectError({self.code!s}, {self.message!r}, details={self.details!r})"

    def __reduce__(self) -> tuple[object, ...]:
        # Subclasses may take other arguments than this class.
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


INTERNAL_ERROR = "internal error"


def as_connect_error(exc: BaseException, *, expose: bool = False) -> ConnectError:
    """The error that a client is told of.

    What is no `ConnectError` is a bug of the server; its text stays there unless `expose` is set,
    because it may hold secrets.
    """
    if isinstance(exc, ConnectError):
        return exc
    text = f"{type(exc).__name__}: {exc}" if expose else INTERNAL_ERROR
    return ConnectError(Code.INTERNAL, text)


def too_large(limit: int) -> ConnectError:
    """The error of a message that exceeds the receiver's limit, in bytes."""
    return ConnectError(Code.RESOURCE_EXHAUSTED, f"message exceeds the limit of {limit} bytes")
