"""The context of a call, which handlers and interceptors receive."""

import time
from math import ceil
from typing import Generic, TypeVar, cast, overload

from google.protobuf.message import Message

from connectrpc_protocol.headers import Headers, RawHeaders
from connectrpc_protocol.method import Method
from connectrpc_protocol.names import ProtocolName
from connectrpc_protocol.representation import representation
from connectrpc_protocol.reserved_headers import ResponseHeaders, ResponseTrailers

T = TypeVar("T")
D = TypeVar("D")


class ContextKey(Generic[T]):
    """The key of a value that an interceptor stores in a context.

    `USER = ContextKey[User]("user")`, then `ctx.set(USER, user)` and `ctx.get(USER)`. Two keys with
    the same name are different keys.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"ContextKey({self.name!r})"


class RequestContext:
    """The metadata, the deadline and the peer of one call, on the server or the client.

    On the server, `request_headers` were received. The server sends `response_headers` before the
    first message and `response_trailers` after the last. On the client, `request_headers` are sent,
    and the response headers and trailers are received.

    `deadline` is the time by which the call must end, in seconds on the clock of `time.monotonic`,
    or `None`. `has_response_metadata` is true once user code has read or set the response headers
    or trailers, or the client received them. Most handlers never use them, so they are made at the
    first use. `host_request` is the request of the interface that the server runs on, such as an
    ASGI scope; the core does not read it. It is `None` on the client. These three are plain
    attributes and not properties, because every call reads or sets them.
    """

    __slots__ = (
        "_has_sent_head",
        "_http_method",
        "_method",
        "_peer",
        "_protocol",
        "_request_headers",
        "_response_headers",
        "_response_trailers",
        "_values",
        "deadline",
        "has_response_metadata",
        "host_request",
    )

    def __init__(
        self,
        method: Method[Message, Message],
        protocol: ProtocolName,
        http_method: str,
        request_headers: Headers | RawHeaders,
        deadline: float | None = None,
        peer: tuple[str, int] | None = None,
    ) -> None:
        self._method = method
        self._protocol: ProtocolName = protocol
        self._http_method = http_method
        self._request_headers = request_headers
        self._peer = peer
        self.deadline = deadline
        self.has_response_metadata = False
        self.host_request: object = None
        self._values: dict[ContextKey[object], object] | None = None

    @property
    def method(self) -> Method[Message, Message]:
        """The RPC that is called."""
        return self._method

    @property
    def protocol(self) -> ProtocolName:
        """`connect`, `grpc` or `grpc-web`."""
        return self._protocol

    @property
    def http_method(self) -> str:
        """`POST`, or `GET` if a Connect client called a method without side effects with GET."""
        return self._http_method

    @property
    def request_headers(self) -> Headers:
        """The metadata that the client sends."""
        headers = self._request_headers
        if not isinstance(headers, Headers):
            headers = self._request_headers = Headers.from_raw(headers)
        return headers

    @property
    def response_headers(self) -> Headers:
        """The metadata that the server sends before the first message.

        On the server, setting a name that HTTP or a protocol sets itself raises `ValueError`, and
        any change after the first message of a stream raises `RuntimeError`.
        """
        if not self.has_response_metadata:
            self._make_response_metadata()
        return self._response_headers

    @property
    def response_trailers(self) -> Headers:
        """The metadata that the server sends after the last message.

        On the server, setting a name that HTTP or a protocol sets itself raises `ValueError`.
        """
        if not self.has_response_metadata:
            self._make_response_metadata()
        return self._response_trailers

    def _make_response_metadata(self) -> None:
        headers = ResponseHeaders()
        self.receive(headers, ResponseTrailers())
        if getattr(self, "_has_sent_head", False):
            headers.note_sent()

    def note_sent_head(self) -> None:
        """Make later changes of the response headers a `RuntimeError`.

        The server side of a protocol calls this when it makes the head of a stream. Unary calls do
        not need it, so `_has_sent_head` is set only here.
        """
        self._has_sent_head = True
        if self.has_response_metadata and isinstance(self._response_headers, ResponseHeaders):
            self._response_headers.note_sent()

    def receive(self, headers: Headers, trailers: Headers) -> None:
        """Set the response metadata. The client side of a protocol stores here what it receives."""
        self._response_headers = headers
        self._response_trailers = trailers
        self.has_response_metadata = True

    @property
    def timeout_ms(self) -> int | None:
        """The time until the deadline in milliseconds, or 0 if it has passed.

        `None` if the call does not have a deadline.
        """
        if self.deadline is None:
            return None
        return max(0, ceil((self.deadline - time.monotonic()) * 1000))

    @property
    def peer(self) -> str | None:
        """The address of the client, as `host:port`.

        `None` if the HTTP server does not know it, and always on the client.
        """
        if self._peer is None:
            return None
        host, port = self._peer
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def set(self, key: ContextKey[T], value: T) -> None:
        """Store a value for the code that uses this context later."""
        if self._values is None:
            self._values = {}
        self._values[cast("ContextKey[object]", key)] = value

    @overload
    def get(self, key: ContextKey[T]) -> T | None: ...
    @overload
    def get(self, key: ContextKey[T], default: D) -> T | D: ...
    def get(self, key: ContextKey[T], default: D | None = None) -> T | D | None:
        """Return the value that was stored under this key, or `default`."""
        values = self._values
        if values is None:
            return default
        return cast("T | D | None", values.get(cast("ContextKey[object]", key), default))

    def __repr__(self) -> str:
        # Users see the context of a client, which has a class of its own, as a `RequestContext`.
        return representation(
            self,
            lambda: f"{self._protocol} {self._http_method} {self._method.full_name}",
            class_name="RequestContext",
        )
