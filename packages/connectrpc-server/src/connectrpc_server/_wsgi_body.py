"""The body of a request over WSGI."""

from contextlib import suppress

from connectrpc_protocol import Code, ConnectError
from connectrpc_server._types import Environ

_CHUNK = 64 * 1024
_DRAIN_MAX_BYTES = 8 * 1024 * 1024


class Body:
    """Reads a body, and never beyond its end: there a server may block (PEP 3333, "Input")."""

    __slots__ = ("_is_malformed", "_left", "_stream")

    def __init__(self, environ: Environ) -> None:
        self._stream = environ["wsgi.input"]
        self._is_malformed = False
        # `None` where the server ends the body itself.
        self._left: int | None = None if environ.get("wsgi.input_terminated") else 0
        length = environ.get("CONTENT_LENGTH")
        if length:
            try:
                self._left = max(0, int(length))
            except ValueError:
                self._is_malformed, self._left = True, 0

    @property
    def left(self) -> int | None:
        """How many bytes are still to be read, where that is known.

        Raises `ConnectError` (`invalid_argument`) for a malformed content-length.
        """
        if self._is_malformed:
            raise ConnectError(Code.INVALID_ARGUMENT, "invalid content-length")
        return self._left

    def read(self, size: int = _CHUNK) -> bytes:
        """Up to so many bytes; none at the end. Blocks until they are there.

        Raises `ConnectError` (`invalid_argument`) where the body ends early.
        """
        left = self.left
        size = min(_CHUNK, size if left is None else min(size, left))
        if size == 0:
            return b""
        try:
            chunk: bytes = self._stream.read(size)
        except (OSError, ValueError):
            # What servers raise for a client that went away or broke the framing of its body.
            raise _truncated() from None
        if left is not None:
            if not chunk:
                raise _truncated()
            self._left = left - len(chunk)
        elif not chunk:
            self._left = 0
        return chunk

    @property
    def is_read(self) -> bool:
        """Whether nothing is known to be left."""
        return self._left == 0

    def drain(self) -> None:
        """Read what the call did not want, unless it is too much.

        A server ends a connection on which a request was not read (RFC 9112, section 9.3), and the
        client may lose the answer, or its next call, with it.
        """
        if self._left is not None and self._left > _DRAIN_MAX_BYTES:
            return
        size = 0
        with suppress(ConnectError):
            while size <= _DRAIN_MAX_BYTES and (chunk := self.read()):
                size += len(chunk)


def _truncated() -> ConnectError:
    return ConnectError(Code.INVALID_ARGUMENT, "the request body ended early")
