"""One HTTP request over WSGI: accepting it, reading it, draining it."""

import time
from contextlib import suppress
from typing import TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import Code, ConnectError
from connectrpc_protocol.call import UnaryServerCall
from connectrpc_protocol.deadline import remaining
from connectrpc_protocol.encoding.whole_body import WholeBody
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.server import ServerMethod
from connectrpc_server._errors import ClientDisconnected, ServerCall, refuse_without_trailers
from connectrpc_server._limits import (
    DRAIN_MAX_BYTES,
    DRAIN_MAX_SECONDS,
    FIRST_TIMED_READ_BYTES,
    READ_CHUNK_BYTES,
)
from connectrpc_server._wsgi import server_quirks
from connectrpc_server._wsgi.types import Environ, StartResponse

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Call = TypeVar("Call", bound=ServerCall)


def accept(method: ServerMethod[Call], environ: Environ) -> Call | HttpResponse:
    """Begin the call of a request, or return the response that refuses it."""
    # The port is a string or, on some servers, a number.
    peer, port = environ.get("REMOTE_ADDR"), str(environ.get("REMOTE_PORT"))
    call = method.accept(
        environ["REQUEST_METHOD"],
        request_headers(environ),
        environ.get("QUERY_STRING", "").encode("latin-1"),
        (peer, int(port) if port.isdecimal() else 0) if peer else None,
    )
    if isinstance(call, HttpResponse):
        return call
    if call.needs_trailers and not server_quirks.has_trailers(environ):
        version = environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/")
        return refuse_without_trailers(call, version, server_quirks.SERVERS_WITH_TRAILERS)
    call.context.host_request = environ
    return call


def request_headers(environ: Environ) -> list[tuple[bytes, bytes]]:
    """Return the headers. Two have keys without the prefix (PEP 3333, "environ Variables")."""
    headers = [
        (key[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1"))
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    for key, name in (("CONTENT_TYPE", b"content-type"), ("CONTENT_LENGTH", b"content-length")):
        value = environ.get(key)
        if value:
            headers.append((name, value.encode("latin-1")))
    return headers


class WsgiRequest:
    """A request whose body is read in chunks, and never beyond its end.

    A read beyond the end may block without a limit (PEP 3333, "Input and Error Streams"). A read
    cannot be interrupted, so the deadline is checked between reads. If the server exposes its
    socket, each read also ends at the deadline.

    `promised` is how many bytes are missing from the message that the client is sending.
    """

    __slots__ = (
        "_deadline",
        "_error",
        "_input",
        "_next_timed_read",
        "_socket",
        "_unread",
        "environ",
        "promised",
        "start_response",
    )

    def __init__(
        self, environ: Environ, start_response: StartResponse, deadline: float | None = None
    ) -> None:
        self.environ = environ
        self.start_response = start_response
        self.promised = 0
        self._deadline = deadline
        self._input = environ["wsgi.input"]
        self._socket = server_quirks.client_socket(environ)
        self._next_timed_read = FIRST_TIMED_READ_BYTES
        # The number of bytes that are left, or `None` if the server marks the end of the body.
        self._unread: int | None = None if server_quirks.marks_end_of_body(environ) else 0
        self._error: ConnectError | None = None
        length = environ.get("CONTENT_LENGTH")
        if length:
            try:
                self._unread = max(0, int(length))
            except ValueError:
                self._error, self._unread = _malformed_length(), 0
        elif self._unread == 0 and "HTTP_TRANSFER_ENCODING" in environ:
            self._error = _unknown_length()

    @property
    def has_trailers(self) -> bool:
        """Whether the response may end with HTTP trailers."""
        return server_quirks.has_trailers(self.environ)

    @property
    def unread_bytes(self) -> int | None:
        """The number of bytes that have not been read, or `None` if it is not known.

        Raises `ConnectError`: `invalid_argument` for a malformed content-length, and
        `unimplemented` for a body whose end the server does not mark.
        """
        if self._error is not None:
            raise self._error
        return self._unread

    def read(self, size: int = READ_CHUNK_BYTES) -> bytes:
        """Return up to `size` bytes, or `b""` at the end. On most servers it waits for all of them.

        Raises `ConnectError`: `invalid_argument` if the body ends early, `deadline_exceeded`, and
        `ClientDisconnected`; and the errors of `unread_bytes`.
        """
        unread = self.unread_bytes
        size = min(READ_CHUNK_BYTES, size if unread is None else min(size, unread))
        if size == 0:
            return b""
        chunk = self._read(size) if self._deadline is None else self._read_in_time(size)
        if unread is not None:
            if not chunk:
                self._unread = 0
                raise _truncated()
            self._unread = unread - len(chunk)
        elif not chunk:
            self._unread = 0
        return chunk

    def _read(self, size: int) -> bytes:
        try:
            chunk: bytes = self._input.read(size)
        except Exception as error:
            self._unread = 0  # nothing can be read after an error
            remaining(self._deadline)
            if server_quirks.is_disconnect(error):
                raise ClientDisconnected from None
            raise _truncated() from None
        return chunk

    def _read_in_time(self, size: int) -> bytes:
        size = min(size, self._next_timed_read)
        self._next_timed_read *= 2
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

    def read_all(self, call: UnaryServerCall[Req, Res]) -> bytes:
        """Return the whole body of a unary call.

        Raises `ConnectError` (`resource_exhausted`) if it is larger than the limit of the call, and
        the errors of `read`.
        """
        limit, unread = call.read_limit, self.unread_bytes
        if limit is not None and unread is not None and unread > limit:
            raise call.too_large()
        body, prefixes = WholeBody(call), call.prefixes()
        while chunk := self.read(READ_CHUNK_BYTES if prefixes is None else prefixes.wanted):
            body.add(chunk)
            if prefixes is not None:
                try:
                    prefixes.feed(chunk)
                finally:
                    self.promised = prefixes.wanted
        return body.data

    @property
    def is_drained(self) -> bool:
        """Whether `drain` would not read anything.

        A request that is too long to be drained is not read at all: a read may block until all of
        the request has arrived.
        """
        is_too_long = max(self._unread or 0, self.promised) > DRAIN_MAX_BYTES
        return self._unread == 0 or is_too_long or not server_quirks.must_drain(self.environ)

    def drain(self) -> None:
        """Read the rest of the body and drop it, if the client might lose the response otherwise.

        This must be called before the response ends. It stops after a number of bytes and after a
        time, since a client may never end its request; see `_limits`.
        """
        if self.is_drained:
            return
        self._deadline = time.monotonic() + DRAIN_MAX_SECONDS
        self._next_timed_read = FIRST_TIMED_READ_BYTES
        size = 0
        with suppress(ConnectError):
            while size <= DRAIN_MAX_BYTES and (chunk := self.read()):
                size += len(chunk)


def _malformed_length() -> ConnectError:
    return ConnectError(Code.INVALID_ARGUMENT, "invalid content-length")


def _unknown_length() -> ConnectError:
    """Return the error of a chunked body that the server does not decode, or drops.

    A body that was dropped would look empty.
    """
    return ConnectError(
        Code.UNIMPLEMENTED,
        "this server does not support request bodies without content-length "
        "(wsgi.input_terminated)",
    )


def _truncated() -> ConnectError:
    return ConnectError(Code.INVALID_ARGUMENT, "the request body ended early")
