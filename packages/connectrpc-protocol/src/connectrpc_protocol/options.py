"""The options of an application or a client, with their checks and defaults."""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import index
from typing import SupportsIndex

from connectrpc_protocol.deadline import deadline_after
from connectrpc_protocol.encoding.codec import DEFAULT_CODECS, Codec
from connectrpc_protocol.encoding.compression import (
    Compression,
    Compressions,
    available_compressions,
)
from connectrpc_protocol.names import CompressionName

READ_MAX_BYTES = 4 * 1024 * 1024  # the default of grpc-go, grpc-java and grpcio
COMPRESS_MIN_BYTES = 1024  # a shorter message fits into one packet, compressed or not
# Works without an extra, and every implementation has it.
ACCEPT_COMPRESSION: tuple[CompressionName, ...] = ("gzip",)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerOptions:
    """The options of an application: their defaults and their checks.

    The application documents them. Sizes are in bytes, times in milliseconds. Raises `TypeError` if
    a number is not an integer, and `ValueError` if one is negative or the list of codecs is empty.
    """

    read_max_bytes: int | None = READ_MAX_BYTES
    send_max_bytes: int | None = None
    compress_min_bytes: int = COMPRESS_MIN_BYTES
    compressions: Compressions
    codecs: tuple[Codec, ...] = DEFAULT_CODECS
    default_timeout_ms: int | None = None
    max_timeout_ms: int | None = None
    require_connect_protocol_header: bool = False
    expose_errors: bool = False

    def __post_init__(self) -> None:
        if not self.codecs:
            raise ValueError("codecs must not be empty")
        for name in (
            "read_max_bytes",
            "send_max_bytes",
            "compress_min_bytes",
            "default_timeout_ms",
            "max_timeout_ms",
        ):
            object.__setattr__(self, name, as_integer(name, getattr(self, name)))

    @property
    def may_have_deadline(self) -> bool:
        """True if a call has a deadline even if its client did not set a timeout."""
        return self.default_timeout_ms is not None or self.max_timeout_ms is not None

    def deadline(self, timeout_ms: int | None) -> float | None:
        """Return the deadline of a call that begins now. `timeout_ms` comes from the client."""
        if timeout_ms is None:
            timeout_ms = self.default_timeout_ms
        if self.max_timeout_ms is not None:
            limit = self.max_timeout_ms
            timeout_ms = limit if timeout_ms is None else min(timeout_ms, limit)
        return deadline_after(timeout_ms)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientOptions:
    """The options of a client: their defaults and their checks.

    The client documents them. Sizes are in bytes, times in milliseconds. Raises `TypeError` if a
    number is not an integer, and `ValueError` if it is negative.
    """

    codec: Codec
    send_compression: Compression | None = None
    accept_compression: Compressions
    compress_min_bytes: int = COMPRESS_MIN_BYTES
    read_max_bytes: int | None = READ_MAX_BYTES
    timeout_ms: int | None = None

    def __post_init__(self) -> None:
        for name in ("compress_min_bytes", "read_max_bytes", "timeout_ms"):
            object.__setattr__(self, name, as_integer(name, getattr(self, name)))


def server_compressions(
    compressions: Iterable[CompressionName | Compression] | None,
) -> Compressions:
    """Return the given compressions, or the default ones: `available_compressions()`."""
    return Compressions(available_compressions() if compressions is None else compressions)


def as_integer(name: str, value: object) -> int | None:
    """Return the value of an option, in bytes or, if its name ends in `_ms`, in milliseconds.

    Integers of other libraries, such as numpy, become an `int`.

    Raises `TypeError` if it is not an integer or `None`, and `ValueError` if it is negative. Both
    texts contain the name of the option.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        unit = "milliseconds, not seconds" if name.endswith("_ms") else "bytes"
        raise TypeError(f"{name} must be an integer, in {unit}: {value!r}")
    number = index(value)
    if number < 0:
        raise ValueError(f"{name} must not be negative: {number}")
    return number
