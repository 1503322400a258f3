"""Client and server against each other: every protocol, kind of RPC, codec and compression."""

from itertools import pairwise

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
    JsonCodec,
    MethodKind,
    ProtoCodec,
    RequestContext,
)
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.header_names import RESERVED
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.options import ClientOptions, ServerOptions
from connectrpc_protocol.server import unary_server_method

from .exchange import PROTOCOLS, Received, Sent, Setting, method, stream, unary
from .helpers import HELLO, bounded

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
def test_a_server_can_forward_an_error_that_a_client_received(protocol: str) -> None:
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
