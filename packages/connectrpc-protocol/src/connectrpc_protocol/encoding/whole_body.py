"""The body of a unary call, put together from its chunks."""

from typing import Protocol

from connectrpc_protocol.errors import ConnectError


class _Limits(Protocol):
    @property
    def read_limit(self) -> int | None: ...

    def too_large(self) -> ConnectError: ...


class WholeBody:
    """A body that grows chunk by chunk, within the read limit of its call.

    It takes at most about twice as much memory as its bytes, even if the chunks are tiny.
    """

    __slots__ = ("_call", "_first", "_joined", "_limit")

    def __init__(self, call: _Limits) -> None:
        self._call = call
        self._limit = call.read_limit
        self._first = b""  # most bodies have one chunk, which is not copied
        self._joined: bytearray | None = None

    def add(self, chunk: bytes) -> None:
        """Append a chunk. Raises `ConnectError` (`resource_exhausted`) beyond the limit."""
        if self._joined is not None:
            self._joined += chunk
        elif self._first:
            self._joined = bytearray(self._first)
            self._joined += chunk
        else:
            self._first = chunk
        if self._limit is not None and len(self._joined or self._first) > self._limit:
            raise self._call.too_large()

    @property
    def data(self) -> bytes:
        """The whole body."""
        return bytes(self._joined or self._first)
