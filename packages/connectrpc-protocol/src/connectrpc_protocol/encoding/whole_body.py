"""The bodies of unary calls, as their chunks arrive."""

from typing import Protocol

from connectrpc_protocol.errors import ConnectError


class _Limits(Protocol):
    @property
    def read_limit(self) -> int | None: ...

    def too_large(self) -> ConnectError: ...


class WholeBody:
    """A body put together from its chunks, within the limit of its call.

    However small the chunks are, it takes about twice the memory of their bytes at most.
    """

    __slots__ = ("_call", "_first", "_joined", "_limit")

    def __init__(self, call: _Limits) -> None:
        self._call = call
        self._limit = call.read_limit
        self._first = b""  # most bodies have one chunk, which is not copied
        self._joined: bytearray | None = None

    def add(self, chunk: bytes) -> None:
        """Take the next chunk. Raises `ConnectError` (`resource_exhausted`) beyond the limit."""
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
        """All of it."""
        return bytes(self._joined or self._first)
