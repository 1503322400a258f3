"""What async and sync clients have in common: what they are set to, and the calls' contexts."""

from collections.abc import Iterable
from typing import TypeVar
from urllib.parse import urlsplit

from google.protobuf.message import Message

from connectrpc_protocol import (
    Codec,
    Compression,
    Compressions,
    Headers,
    HeadersInput,
    Method,
    RequestContext,
    resolve_compression,
)
from connectrpc_protocol.binding import ClientBinding
from connectrpc_protocol.call import StreamClientCall, UnaryClientCall
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.deadline import deadline_after
from connectrpc_protocol.encoding.codec import resolve_codec
from connectrpc_protocol.options import ClientOptions, check_not_negative

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class Settings:
    """The checked options of one client."""

    __slots__ = ("_peer", "base_url", "options", "protocol")

    def __init__(
        self,
        base_url: str,
        *,
        protocol: str,
        codec: str | Codec,
        send_compression: str | Compression | None,
        accept_compression: Iterable[str | Compression],
        compress_min_bytes: int,
        timeout_ms: int | None,
        read_max_bytes: int | None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the base URL must begin with http:// or https://: {base_url!r}")
        if parts.query or parts.fragment:
            raise ValueError(f"the base URL must have no query and no fragment: {base_url!r}")
        self.base_url = base_url.rstrip("/")
        self._peer = (parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
        self.protocol = client_protocol(protocol)
        self.options = ClientOptions(
            codec=resolve_codec(codec),
            send_compression=(
                None if send_compression is None else resolve_compression(send_compression)
            ),
            accept_compression=Compressions(accept_compression),
            compress_min_bytes=compress_min_bytes,
            read_max_bytes=read_max_bytes,
            timeout_ms=timeout_ms,
        )

    def unary(self, method: Method[Req, Res]) -> ClientBinding[Req, Res, UnaryClientCall[Req, Res]]:
        """A unary method of this client."""
        return self.protocol.unary_client(method, self.base_url, self.options)

    def stream(
        self, method: Method[Req, Res]
    ) -> ClientBinding[Req, Res, StreamClientCall[Req, Res]]:
        """A method of this client with a stream in at least one direction."""
        return self.protocol.stream_client(method, self.base_url, self.options)

    def context(
        self,
        method: Method[Message, Message],
        headers: HeadersInput | None,
        timeout_ms: int | None,
        *,
        use_get: bool = False,
    ) -> RequestContext:
        """The context of a call that begins now; with POST where the protocol has no GET.

        Raises `ValueError` for a negative timeout, a header that HTTP cannot carry, and GET for a
        method that may have side effects.
        """
        if timeout_ms is None:
            timeout_ms = self.options.timeout_ms
        else:
            check_not_negative("timeout_ms", timeout_ms)
        if use_get and not method.allows_get:
            raise ValueError(f"{method.full_name} may have side effects; GET is not for it")
        return RequestContext(
            method,
            self.protocol.name,
            "GET" if use_get and self.protocol.has_get else "POST",
            Headers(headers or ()),
            deadline_after(timeout_ms),
            self._peer,
        )
