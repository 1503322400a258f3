"""Client and server against each other: every protocol, kind of RPC, codec and compression."""

import base64
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given
from hypothesis import strategies as st

from connectrpc_protocol import (
    Code,
    Codec,
    Compression,
    Compressions,
    ConnectError,
    ErrorDetail,
    Headers,
    IdempotencyLevel,
    JsonCodec,
    Method,
    MethodKind,
    ProtoCodec,
    RequestContext,
    resolve_compression,
)
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.header_names import RESERVED
from connectrpc_protocol.headers import RawHeaders
from connectrpc_protocol.http import HttpRequest, HttpResponse
from connectrpc_protocol.options import ClientOptions, ServerOptions
from connectrpc_protocol.server import stream_server_method, unary_server_method

from .helpers import HELLO, bounded, echo_method, server_options


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
    def client(self) -> client_protocol:
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
    if setting.protocol == "grpc-web-text":
        headers = [(name, value.replace(b"-text", b"")) for name, value in headers]
        quanta = (body[start : start + 4] for start in range(0, len(body), 4))
        body = b"".join(map(base64.b64decode, quanta))
    return headers, body


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def fill(context: RequestContext, sent: Sent) -> None:
    for target, source in (
        (context.response_headers, sent.headers),
        (context.response_trailers, sent.trailers),
    ):
        for name, value in source.multi_items():
            target.add(name, value)


def new_context(
    setting: Setting, kind: MethodKind, http_method: str, headers: Headers
) -> RequestContext:
    return RequestContext(method(kind), setting.client.name, http_method, Headers(headers))


def unary(
    setting: Setting, http_method: str, request: Sent, response: Sent
) -> tuple[Received, Received]:
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
    error = response.error
    if error is None:
        response = call.response(call.encode(response.messages[0]))
    else:
        response = call.failure(error)
    assert (response.trailers is not None) == call.needs_trailers == setting.client.needs_trailers
    headers, body = from_text(setting, response.headers, response.body)
    try:
        message = client.response(response.status, headers, body, response.trailers or ())
    except ConnectError as caught:
        return got, Received([], context, caught)
    return got, Received([message], context)


def stream(
    setting: Setting, kind: MethodKind, request: Sent, response: Sent
) -> tuple[Received, Received]:
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


texts = st.text(max_size=20) | st.text(max_size=3).map(lambda text: text * 50)
messages = texts.map(lambda text: StringValue(value=text))
names = st.from_regex(r"x-[a-z0-9!#$%&'*+.^_`|~-]{1,8}", fullmatch=True)
# Without spaces at the ends: they are not part of a value, and both sides remove them.
header_values = st.from_regex(r"[\x21-\x7e\x80-\xff]{1,12}", fullmatch=True)
metadata = st.lists(st.tuples(names, header_values), max_size=4).map(Headers)
type_names = st.from_regex(r"[a-zA-Z_.]{1,20}", fullmatch=True)
details = st.builds(ErrorDetail, type_names, st.binary(max_size=20))
errors = st.builds(
    ConnectError, st.sampled_from(Code), texts, st.lists(details, max_size=2), metadata
)
settings_of_both = st.builds(
    Setting,
    st.sampled_from([ProtoCodec(), JsonCodec()]),
    st.sampled_from([None, "gzip", "br", "zstd"]),
    st.sampled_from([(), ("gzip",), ("zstd", "br"), ("br", "identity-not", "gzip")]).map(
        lambda accepted: tuple(name for name in accepted if name != "identity-not")
    ),
    st.integers(1, 200),
    st.sampled_from(PROTOCOLS),
)


def sent(count: int | None, error: st.SearchStrategy[ConnectError | None]):
    several = st.lists(messages, max_size=4) if count is None else st.tuples(*[messages] * count)
    return st.builds(Sent, several, metadata, metadata, error)


def holds(headers: Headers, *expected: Headers) -> bool:
    return all(
        set(each.get_all(name)) <= set(headers.get_all(name)) for each in expected for name in each
    )


def check(request: Sent, response: Sent, at_server: Received, at_client: Received) -> None:
    assert at_server.messages == list(request.messages)
    assert holds(at_server.context.request_headers, request.headers)
    assert holds(at_client.context.response_headers, response.headers)
    assert holds(at_client.context.response_trailers, response.trailers)
    if response.error is None:
        assert at_client.error is None
        assert at_client.messages == list(response.messages)
    else:
        check_error(response, at_client)


def check_error(response: Sent, at_client: Received) -> None:
    sent_error, got = response.error, at_client.error
    assert sent_error is not None
    assert got is not None
    assert (got.code, got.message, got.details) == (
        sent_error.code,
        sent_error.message,
        sent_error.details,
    )
    assert holds(got.metadata, sent_error.metadata, response.headers, response.trailers)


@bounded
@given(
    settings_of_both,
    st.sampled_from(["GET", "POST"]),
    sent(1, st.none()),
    sent(1, st.none() | errors),
)
def test_unary_calls_exchange_messages_metadata_and_errors(
    setting: Setting, http_method: str, request: Sent, response: Sent
) -> None:
    check(request, response, *unary(setting, http_method, request, response))


@bounded
@given(settings_of_both, sent(None, st.none()), sent(1, st.none()) | sent(0, errors))
def test_client_streams_exchange_messages_metadata_and_errors(
    setting: Setting, request: Sent, response: Sent
) -> None:
    check(request, response, *stream(setting, MethodKind.CLIENT_STREAM, request, response))


@bounded
@given(settings_of_both, sent(1, st.none()), sent(None, st.none() | errors))
def test_server_streams_exchange_messages_metadata_and_errors(
    setting: Setting, request: Sent, response: Sent
) -> None:
    at_server, at_client = stream(setting, MethodKind.SERVER_STREAM, request, response)
    check(request, response, at_server, at_client)
    assert at_client.messages == list(response.messages)


@bounded
@given(settings_of_both, sent(None, st.none()), sent(None, st.none() | errors))
def test_bidi_streams_exchange_messages_metadata_and_errors(
    setting: Setting, request: Sent, response: Sent
) -> None:
    at_server, at_client = stream(setting, MethodKind.BIDI_STREAM, request, response)
    check(request, response, at_server, at_client)
    assert at_client.messages == list(response.messages)


@pytest.mark.parametrize("codec", [ProtoCodec(), JsonCodec()], ids=["proto", "json"])
@pytest.mark.parametrize("compression", [None, "gzip", "br", "zstd"])
@pytest.mark.parametrize("kind", MethodKind)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_large_messages_survive_every_combination(
    protocol: str, kind: MethodKind, codec: Codec, compression: str | None
) -> None:
    setting = Setting(codec, compression, (compression,) if compression else (), 1000, protocol)
    large = StringValue(value="".join(map(str, range(30_000))))
    content = Sent([large], Headers(), Headers())
    if kind is MethodKind.UNARY:
        at_server, at_client = unary(setting, "POST", content, content)
    else:
        at_server, at_client = stream(setting, kind, content, content)
    assert at_server.messages == at_client.messages == [large]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_metadata_does_not_carry_reserved_names(protocol: str) -> None:
    setting = Setting(ProtoCodec(), None, (), 100, protocol)
    bad = Headers([(name, "bad") for name in RESERVED])
    content = Sent([StringValue()], bad, bad)
    at_server, at_client = unary(setting, "POST", content, content)
    seen = (
        *at_server.context.request_headers.multi_items(),
        *at_client.context.response_headers.multi_items(),
        *at_client.context.response_trailers.multi_items(),
    )
    assert "bad" not in [value for _, value in seen]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_detail_is_unpacked_on_the_other_side(protocol: str) -> None:
    detail = Struct()
    detail["why"] = "because"
    content = Sent([StringValue()], Headers(), Headers(), ConnectError(Code.ABORTED, "", [detail]))
    _, at_client = unary(Setting(JsonCodec(), None, (), 1, protocol), "POST", content, content)
    assert at_client.error is not None
    assert at_client.error.details[0].unpack(Struct) == detail


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_can_send_on_an_error_that_a_client_received(protocol: str) -> None:
    content = Sent(
        [StringValue()],
        Headers({"x-a": "1"}),
        Headers({"x-b": "2"}),
        ConnectError(Code.ABORTED, "again"),
    )
    setting = Setting(ProtoCodec(), None, ("gzip",), 1, protocol)
    _, first = unary(setting, "POST", content, content)
    again = Sent([StringValue()], Headers(), Headers(), first.error)
    _, second = unary(setting, "POST", content, again)
    assert second.error is not None
    assert str(second.error) == "aborted: again"
    assert (second.error.metadata["x-a"], second.error.metadata["x-b"]) == ("1", "2")
    assert len(second.error.metadata.get_all("content-type")) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_size_of_the_chunks_does_not_change_the_messages(protocol: str) -> None:
    content = Sent([StringValue(value="one"), StringValue()], Headers(), Headers())
    results = [
        stream(
            Setting(ProtoCodec(), "gzip", ("br",), size, protocol),
            MethodKind.BIDI_STREAM,
            content,
            content,
        )[1]
        for size in range(1, 40)
    ]
    assert all(one.messages == other.messages for one, other in pairwise(results))


class Reverse:
    """A compression of the user: the bytes from the last to the first."""

    name = "reverse"

    def compress(self, data: bytes) -> bytes:
        return data[::-1]

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        return data[::-1]


def test_client_and_server_use_a_compression_of_the_user() -> None:
    reverse: Compression = Reverse()
    options = ClientOptions(
        codec=ProtoCodec(),
        send_compression=reverse,
        accept_compression=Compressions([]),
        compress_min_bytes=0,
    )
    unary_method = method(MethodKind.UNARY)
    context = RequestContext(unary_method, "connect", "POST", Headers())
    binding = client_protocol("connect").unary_client(unary_method, "http://h", options)
    request = binding.call(context).request(HELLO)
    assert request.body == HELLO.SerializeToString()[::-1]
    headers = [(name.encode(), value.encode()) for name, value in request.headers]
    served = unary_server_method(unary_method, ServerOptions(compressions=Compressions([reverse])))
    call = served.accept("POST", headers, b"", None)
    assert not isinstance(call, HttpResponse)
    assert call.request(request.body) == HELLO
