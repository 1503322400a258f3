"""The body of a request over WSGI."""

from contextlib import suppress
from typing import Protocol

from connectrpc_protocol import Code, ConnectError
from connectrpc_protocol.deadline import deadline_after, remaining
from connectrpc_server._asgi.types import SEND_TRAILERS, Environ
from connectrpc_server._errors import ClientDisconnected
from connectrpc_server._limits import DRAIN_MAX_BYTES, DRAIN_MAX_MS

_CHUNK = 64 * 1024


class Body:
    """Reads a body, and never beyond its end: there a server may block (PEP 3333, "Input").

    A read cannot be interrupted, so `deadline` is kept as well as the server lets it: it bounds
    each wait for the client where the server shows its socket, and is checked between reads.
    """

    __slots__ = (
        "_can_drain",
        "_chunk",
        "_deadline",
        "_fault",
        "_left",
        "_socket",
        "_stream",
    )

    def __init__(self, environ: Environ, deadline: float | None = None) -> None:
        self._stream = environ["wsgi.input"]
        self._socket = _socket(environ)
        self._can_drain = _can_drain(environ)
        self._deadline = deadline
        self._chunk = 1
        # `None` where the server ends the body itself.
        self._left: int | None = None if _is_terminated(environ) else 0
        self._fault: ConnectError | None = None
        length = environ.get("CONTENT_LENGTH")
        if length:
            try:
                self._left = max(0, int(length))
            except ValueError:
                self._fault, self._left = _malformed_length(), 0
        elif self._left == 0 and "HTTP_TRANSFER_ENCODING" in environ:
            self._fault = _unknown_length()

    @property
    def left(self) -> int | None:
        """How many bytes are still to be read, where that is known.

        Raises `ConnectError`: `invalid_argument` for a malformed content-length, `unimplemented`
        for a body of which nobody says where it ends.
        """
        if self._fault is not None:
            raise self._fault
        return self._left

    def read(self, size: int = _CHUNK) -> bytes:
        """Up to so many bytes; none at the end. Blocks, on most servers until all are there.

        Raises `ConnectError`: `invalid_argument` where the body ends early, `deadline_exceeded`,
        and `ClientDisconnected`; and what `left` raises.
        """
        left = self.left
        size = min(_CHUNK, size if left is None else min(size, left))
        if size == 0:
            return b""
        chunk = self._read(size) if self._deadline is None else self._read_in_time(size)
        if left is not None:
            if not chunk:
                self._left = 0
                raise _truncated()
            self._left = left - len(chunk)
        elif not chunk:
            self._left = 0
        return chunk

    def _read(self, size: int) -> bytes:
        try:
            chunk: bytes = self._stream.read(size)
        except Exception as error:
            self._left = 0  # nothing can be read after that
            remaining(self._deadline)
            if isinstance(error, (ConnectionError, RuntimeError)):  # the latter from pyvoy
                raise ClientDisconnected from None
            # Each server has its own exceptions for a client that broke the framing of its body.
            raise _truncated() from None
        return chunk

    def _read_in_time(self, size: int) -> bytes:
        # A slow client is noticed between reads: each may take about as long as all before it.
        size = min(size, self._chunk)
        self._chunk *= 2
        seconds = remaining(self._deadline)
        if self._socket is None:
            chunk = self._read(size)
        else:
            before = self._socket.gettimeout()
            self._socket.settimeout(seconds)
            try:
                chunk = self._read(size)
            finally:
                self._socket.settimeout(before)
        remaining(self._deadline)
        return chunk

    @property
    def is_read(self) -> bool:
        """Whether nothing is left that `drain` would read."""
        return self._left == 0 or not self._can_drain

    def drain(self) -> None:
        """Read what the call did not want, unless it is too much or takes too long.

        A server ends a connection on which a request was not read (RFC 9112, section 9.3), and the
        client may lose the answer, or its next call, with it.
        """
        if self.is_read or (self._left is not None and self._left > DRAIN_MAX_BYTES):
            return
        self._deadline, self._chunk = deadline_after(DRAIN_MAX_MS), 1
        size = 0
        with suppress(ConnectError):
            while size <= DRAIN_MAX_BYTES and (chunk := self.read()):
                size += len(chunk)


class _Socket(Protocol):
    def gettimeout(self) -> float | None: ...

    def settimeout(self, value: float | None, /) -> None: ...


def _socket(environ: Environ) -> _Socket | None:
    """The connection of the request, from servers that show it."""
    socket: _Socket | None = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    return socket


def _is_terminated(environ: Environ) -> bool:
    """Whether the server ends a body of unknown length.

    What can send trailers knows where bodies end, but pyvoy says no more than that.
    """
    return bool(environ.get("wsgi.input_terminated")) or SEND_TRAILERS in environ


def _can_drain(environ: Environ) -> bool:
    """Whether an unread request may cost its client the answer.

    Not in HTTP/2, where a server resets the one stream (RFC 9113, section 8.1), and not on pyvoy,
    which is Envoy and closes in a way that lets the client read; there a read has no end, either.
    """
    is_http1 = environ.get("SERVER_PROTOCOL", "HTTP/1.1").startswith("HTTP/1")
    return is_http1 and SEND_TRAILERS not in environ


def _malformed_length() -> ConnectError:
    return ConnectError(Code.INVALID_ARGUMENT, "invalid content-length")


def _unknown_length() -> ConnectError:
    """The server left the chunks of a body as they came, or swallowed them: it would look empty."""
    return ConnectError(
        Code.UNIMPLEMENTED,
        "this server takes no request bodies without content-length (wsgi.input_terminated)",
    )


def _truncated() -> ConnectError:
    return ConnectError(Code.INVALID_ARGUMENT, "the request body ended early")
