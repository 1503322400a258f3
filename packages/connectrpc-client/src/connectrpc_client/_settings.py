"""The checked options of a client, and the contexts of its calls."""

from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from google.protobuf.message import Message

from connectrpc_client._cancellation import Cancellation
from connectrpc_client._context import ClientContext
from connectrpc_protocol import HeadersInput, Method, ProtocolName
from connectrpc_protocol.binding import ClientBinding
from connectrpc_protocol.call import StreamClientCall, UnaryClientCall
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.deadline import deadline_after
from connectrpc_protocol.options import ClientOptions, as_integer
from connectrpc_protocol.reserved_headers import RequestHeaders

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class Settings:
    """The settings that all calls of a client share.

    Raises `ValueError` for a base URL that cannot be used, for an unknown protocol, and for a
    header that HTTP cannot carry or that the client sets itself.
    """

    __slots__ = ("_headers", "_peer", "base_url", "options", "protocol")

    def __init__(
        self,
        base_url: str,
        protocol: ProtocolName,
        headers: HeadersInput | None,
        options: ClientOptions,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the base URL must begin with http:// or https://: {base_url!r}")
        if parts.query or parts.fragment:
            raise ValueError(f"the base URL must not have a query or a fragment: {base_url!r}")
        self.base_url = base_url.rstrip("/")
        self._peer = (parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
        self.protocol = client_protocol(protocol)
        self._headers = RequestHeaders(headers) if headers else None
        self.options = options

    @property
    def public_url(self) -> str:
        """The base URL without its user info, which may contain a password."""
        parts = urlsplit(self.base_url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def unary(self, method: Method[Req, Res]) -> ClientBinding[Req, Res, UnaryClientCall[Req, Res]]:
        """Return the binding of a unary method."""
        return self.protocol.unary_client(method, self.base_url, self.options)

    def stream(
        self, method: Method[Req, Res]
    ) -> ClientBinding[Req, Res, StreamClientCall[Req, Res]]:
        """Return the binding of a method with a stream in at least one direction."""
        return self.protocol.stream_client(method, self.base_url, self.options)

    def context(
        self,
        method: Method[Message, Message],
        headers: HeadersInput | None,
        timeout_ms: int | None,
        cancellation: Cancellation | None,
        *,
        use_get: bool = False,
    ) -> ClientContext:
        """Return the context of a call that begins now.

        `use_get` is ignored if the protocol does not define GET. Raises `TypeError` for a
        timeout that is not an integer, and `ValueError` for a negative timeout, for a header that
        HTTP cannot carry or that the client sets itself, and for GET with a method that may have
        side effects.
        """
        if timeout_ms is None:
            timeout_ms = self.options.timeout_ms
        else:
            timeout_ms = as_integer("timeout_ms", timeout_ms)
        if use_get and not method.allows_get:
            raise ValueError(
                f"{method.full_name} cannot be called with GET: not declared NO_SIDE_EFFECTS"
            )
        given = headers or ()
        context = ClientContext(
            method,
            self.protocol.name,
            "GET" if use_get and self.protocol.has_get else "POST",
            RequestHeaders(given) if self._headers is None else self._headers.replaced_by(given),
            deadline_after(timeout_ms),
            self._peer,
        )
        context.cancellation = cancellation
        context.on_head = None
        return context


def copied_headers(headers: HeadersInput | None) -> HeadersInput | None:
    """Return a copy of the headers of a call that begins later.

    The caller may change the given object until then. Raises the errors of `RequestHeaders`.
    """
    return RequestHeaders(headers) if headers else None
