"""Calls of gRPC and gRPC-Web clients, for the tests of both protocols."""

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import (
    Compressions,
    ConnectError,
    Headers,
    MethodKind,
    ProtoCodec,
    RequestContext,
)
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.grpc.status import error_from_trailers
from connectrpc_protocol.headers import raw_pairs
from connectrpc_protocol.options import ClientOptions

from ..helpers import echo_method

Pairs = list[tuple[bytes, bytes]]
OK: Pairs = [(b"grpc-status", b"0")]

each_protocol = pytest.mark.parametrize("protocol", ["grpc", "grpc-web"])


class ClientCall:
    """One call of a client. `unary` and `stream` are the call objects; `receive` picks by kind."""

    def __init__(
        self,
        protocol: str,
        kind: MethodKind = MethodKind.UNARY,
        headers: dict[str, str] | None = None,
        deadline: float | None = None,
        **options: object,
    ) -> None:
        method = echo_method(kind)
        defaults = {"codec": ProtoCodec(), "accept_compression": Compressions(["gzip", "br"])}
        client_options = ClientOptions(**(defaults | options))
        wire = client_protocol(protocol)
        self.protocol = protocol
        self.kind = kind
        self.context = RequestContext(method, protocol, "POST", Headers(headers or {}), deadline)
        self.unary = wire.unary_client(method, "https://h", client_options).call(self.context)
        self.stream = wire.stream_client(method, "https://h", client_options).call(self.context)

    def receive(
        self,
        body: bytes,
        trailers: Pairs | None,
        headers: Pairs | None = None,
        status: int = 200,
        content_type: str | None = None,
    ) -> list[StringValue]:
        """Take a whole response, and return its messages.

        In gRPC-Web, the trailers become the last envelope of the body.
        """
        raw = [(b"content-type", (content_type or f"application/{self.protocol}+proto").encode())]
        raw += headers or []
        if self.protocol == "grpc-web" and trailers is not None:
            block = b"".join(name + b": " + value + b"\r\n" for name, value in trailers)
            body, trailers = body + pack(0x80, block), None
        if self.kind is MethodKind.UNARY:
            return [self.unary.response(status, raw, body, trailers or ())]
        self.stream.start(status, raw)
        messages = list(self.stream.feed(body))
        self.stream.end(trailers or ())
        return messages

    def receive_error(self, *args: object, **kwargs: object) -> ConnectError:
        """Take a response, and return the error that the call raises."""
        with pytest.raises(ConnectError) as caught:
            self.receive(*args, **kwargs)
        return caught.value


def from_wire(trailers: dict[str, str]) -> Headers:
    return Headers.from_raw(raw_pairs(trailers.items()))


def error_of(trailers: dict[str, str]) -> ConnectError:
    """Return the error that a client reads from these trailers."""
    error = error_from_trailers(from_wire(trailers))
    assert error is not None
    return error
