"""The bodies of unary calls, as their chunks arrive."""

from typing import Protocol

from connectrpc_protocol.errors import ConnectError


class _Limits(Protocol):
    @property
    def read_limit(self) -> int | None: ...

    def too_large(self) -> ConnectError: ...


class WholeBody:
    """A body put together from its chunks, within the limit of its call.

    However small the chunks are, it takes little more memory than their bytes.
    """

    __slots__ = ("_call", "_data", "_limit")

    def __init__(self, call: _Limits) -> None:
        self._call = call
        self._limit = call.read_limit
        self._data: bytes | bytearray = b""

    def add(self, chunk: bytes) -> None:
        """Take the next chunk. Raises `ConnectError` (`resource_exhausted`) beyond the limit."""
        if not self._data:
            self._data = chunk  # most bodies have one, which is not copied
        elif isinstance(self._data, bytearray):
            self._data += chunk
        else:
            self._data = bytearray(self._data)
            self._data += chunk
        if self._limit is not None and len(self._data) > self._limit:
            raise self._call.too_large()

    @property
    def data(self) -> bytes:
        """All of it."""
        return bytes(self._data)
