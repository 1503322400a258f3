"""Functions that make one call between a client and a server of this package."""

import base64
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import (
    Codec,
    Compressions,
    ConnectError,
    Headers,
    IdempotencyLevel,
    Method,
    MethodKind,
    RequestContext,
    resolve_compression,
)
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.headers import RawHeaders
from connectrpc_protocol.http import HttpRequest, HttpResponse
from connectrpc_protocol.options import ClientOptions
from connectrpc_protocol.protocols import WireProtocol
from connectrpc_protocol.server import stream_server_method, unary_server_method

from .helpers import echo_method, server_options


class Sent(NamedTuple):
    """The content that one side of a call sends."""

    messages: Sequence[StringValue]
    headers: Headers
    trailers: Headers
    error: ConnectError | None = None


class Received(NamedTuple):
    """The content that the other side received."""

    messages: list[StringValue]
    context: RequestContext
    error: ConnectError | None = None


class Setting(NamedTuple):
    """The options of both sides of a call."""

    codec: Codec
    from_client: str | None
    to_client: tuple[str, ...]
    chunk_size: int
    protocol: str = "connect"

    @property
    def client(self) -> WireProtocol:
        return client_protocol(self.protocol.removesuffix("-text"))

    def client_options(self) -> ClientOptions:
        compression = self.from_client and resolve_compression(self.from_client)
        return ClientOptions(
            codec=self.codec,
            send_compression=compression or None,
            accept_compression=Compressions(self.to_client),
            compress_min_bytes=16,
        )


PROTOCOLS = ["connect", "grpc", "grpc-web", "grpc-web-text"]
SERVER = server_options(compress_min_bytes=16)


def method(kind: MethodKind) -> Method[StringValue, StringValue]:
    return echo_method(kind, IdempotencyLevel.NO_SIDE_EFFECTS)


def raw(setting: Setting, request: HttpRequest) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request as the server receives them."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
    if setting.protocol == "grpc-web-text":
        return [(name, value.replace(b"grpc-web", b"grpc-web-text")) for name, value in headers]
    return headers


def to_text(setting: Setting, parts: Sequence[bytes]) -> bytes:
    """Join the parts of a body, in base64 if the protocol is gRPC-Web in text.

    The client of this package does not send base64. Google's client for browsers does.
    """
    if setting.protocol == "grpc-web-text":
        return b"".join(map(base64.b64encode, parts))
    return b"".join(parts)


def from_text(setting: Setting, headers: RawHeaders, body: bytes) -> tuple[RawHeaders, bytes]:
    """Return a response as the client of this package reads it, without base64."""
    if setting.protocol == "grpc-web-text":
        headers = [(name, value.replace(b"-text", b"")) for name, value in headers]
        quanta = (body[start : start + 4] for start in range(0, len(body), 4))
        body = b"".join(map(base64.b64decode, quanta))
    return headers, body


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def fill(context: RequestContext, sent: Sent) -> None:
    """Set the metadata of the response. Unlike a handler, this may set reserved names, too."""
    context.receive(Headers(sent.headers), Headers(sent.trailers))


def new_context(
    setting: Setting, kind: MethodKind, http_method: str, headers: Headers
) -> RequestContext:
    return RequestContext(method(kind), setting.client.name, http_method, Headers(headers))


def unary(
    setting: Setting, http_method: str, request: Sent, response: Sent
) -> tuple[Received, Received]:
    """Make a unary call. Return what the server and the client received."""
    if setting.protocol != "connect":
        http_method = "POST"
    binding = setting.client.unary_client(
        method(MethodKind.UNARY), "http://h", setting.client_options()
    )
    context = new_context(setting, MethodKind.UNARY, http_method, request.headers)
    client = binding.call(context)
    sent = client.request(request.messages[0])
    served = unary_server_method(method(MethodKind.UNARY), SERVER)
    query = urlsplit(sent.url).query.encode("ascii")
    call = served.accept(sent.method, raw(setting, sent), query, None)
    assert not isinstance(call, HttpResponse)
    assert call.context.protocol == context.protocol
    got = Received([call.request(to_text(setting, [sent.body or b""]))], call.context)
    fill(call.context, response)
    if response.error is None:
        sent_back = call.response(call.encode(response.messages[0]))
    else:
        sent_back = call.failure(response.error)
    has_trailers = sent_back.trailers is not None
    assert has_trailers == call.needs_trailers == setting.client.needs_trailers
    headers, body = from_text(setting, sent_back.headers, sent_back.body)
    try:
        message = client.response(sent_back.status, headers, body, sent_back.trailers or ())
    except ConnectError as caught:
        return got, Received([], context, caught)
    return got, Received([message], context)


def stream(
    setting: Setting, kind: MethodKind, request: Sent, response: Sent
) -> tuple[Received, Received]:
    """Make a call with a stream. Return what the server and the client received."""
    binding = setting.client.stream_client(method(kind), "http://h", setting.client_options())
    context = new_context(setting, kind, "POST", request.headers)
    client = binding.call(context)
    sent = client.head()
    call = stream_server_method(method(kind), SERVER).accept("POST", raw(setting, sent), b"", None)
    assert not isinstance(call, HttpResponse)
    assert call.context.protocol == context.protocol
    sent_body = to_text(setting, [client.message(message) for message in request.messages])
    got = [each for chunk in chunks(sent_body, setting.chunk_size) for each in call.feed(chunk)]
    call.feed_end()
    fill(call.context, response)
    head = call.head()
    parts = [call.message(message) for message in response.messages]
    end = call.end(response.error)
    assert head.has_trailers == (end.trailers is not None) == setting.client.needs_trailers
    headers, body = from_text(setting, head.headers, b"".join([*parts, end.body]))
    client.start(head.status, headers)
    back = [each for chunk in chunks(body, setting.chunk_size) for each in client.feed(chunk)]
    try:
        client.end(end.trailers or ())
    except ConnectError as caught:
        return Received(got, call.context), Received(back, context, caught)
    return Received(got, call.context), Received(back, context)
