"""Calls of gRPC and gRPC-Web on the server.

Sources: grpc/grpc, PROTOCOL-HTTP2.md and PROTOCOL-WEB.md; doc/compression.md.
"""

import base64
from collections.abc import Mapping

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectrpc_protocol import Code, ConnectError, Gzip, Headers, Method, MethodKind
from connectrpc_protocol.call import StreamServerCall, UnaryServerCall
from connectrpc_protocol.encoding.codec import JsonCodec
from connectrpc_protocol.encoding.envelope import EnvelopeReader, pack
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.options import ServerOptions, server_compressions
from connectrpc_protocol.server import stream_server_method, unary_server_method

bounded = settings(deadline=None, max_examples=75, suppress_health_check=[HealthCheck.too_slow])
PROTOCOLS = ["grpc", "grpc-web", "grpc-web-text"]
HELLO = StringValue(value="hello")
LONG = StringValue(value="hello " * 1000)
DATA = HELLO.SerializeToString()
ONE = pack(0, DATA)
Raw = list[tuple[bytes, bytes]]

each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def method(kind: MethodKind) -> Method[StringValue, StringValue]:
    return Method(
        service="acme.v1.EchoService",
        name="Echo",
        kind=kind,
        request=StringValue,
        response=StringValue,
    )


def request_headers(protocol: str, headers: Mapping[str, str] | None) -> Raw:
    pairs = {"content-type": f"application/{protocol}"} | dict(headers or {})
    return [(name.encode(), value.encode()) for name, value in pairs.items()]


def unary(
    protocol: str, headers: Mapping[str, str] | None = None, **options: object
) -> UnaryServerCall[StringValue, StringValue] | HttpResponse:
    settled = ServerOptions(compressions=server_compressions(None), **options)
    binding = unary_server_method(method(MethodKind.UNARY), settled)
    return binding.accept("POST", request_headers(protocol, headers), b"", None)


def unary_call(
    protocol: str, headers: Mapping[str, str] | None = None, **options: object
) -> UnaryServerCall[StringValue, StringValue]:
    call = unary(protocol, headers, **options)
    assert not isinstance(call, HttpResponse)
    return call


def stream(
    protocol: str,
    headers: Mapping[str, str] | None = None,
    kind: MethodKind = MethodKind.BIDI_STREAM,
    **options: object,
) -> StreamServerCall[StringValue, StringValue] | HttpResponse:
    settled = ServerOptions(compressions=server_compressions(None), **options)
    binding = stream_server_method(method(kind), settled)
    return binding.accept("POST", request_headers(protocol, headers), b"", None)


def stream_call(
    protocol: str, headers: Mapping[str, str] | None = None, **options
) -> StreamServerCall[StringValue, StringValue]:
    call = stream(protocol, headers, **options)
    assert not isinstance(call, HttpResponse)
    return call


def wire(protocol: str, data: bytes) -> bytes:
    return base64.b64encode(data) if protocol == "grpc-web-text" else data


def envelopes(protocol: str, body: bytes) -> list[tuple[int, bytes]]:
    if protocol == "grpc-web-text":
        quanta = (body[start : start + 4] for start in range(0, len(body), 4))
        body = b"".join(map(base64.b64decode, quanta))
    reader = EnvelopeReader(None)
    reader.feed(body)
    found: list[tuple[int, bytes]] = []
    while (envelope := reader.next()) is not None:
        found.append(envelope)
    assert not reader.is_partial
    return found


def parted(protocol: str, body: bytes, trailers: object) -> tuple[list[tuple[int, bytes]], Raw]:
    """The messages and the trailers of an answer, wherever these are."""
    found = envelopes(protocol, body)
    if protocol == "grpc":
        assert isinstance(trailers, list)
        return found, trailers
    assert trailers is None
    flags, block = found.pop()
    assert flags == 0x80
    lines = block.removesuffix(b"\r\n").split(b"\r\n")
    return found, [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


def answer_of(protocol: str, answer: HttpResponse) -> tuple[list[tuple[int, bytes]], Raw]:
    assert answer.status == 200
    length = dict(answer.headers).get(b"content-length")
    assert length == (None if protocol == "grpc" else b"%d" % len(answer.body))
    return parted(protocol, answer.body, answer.trailers)


def refused(call: UnaryServerCall[StringValue, StringValue], body: bytes) -> ConnectError:
    with pytest.raises(ConnectError) as caught:
        call.request(body)
    return caught.value


# What all calls have in common.


@each_protocol
@pytest.mark.parametrize("codec", ["", "+proto", "+json"])
def test_the_answer_has_the_content_type_of_the_request(protocol: str, codec: str) -> None:
    headers = {"content-type": f"application/{protocol}{codec}"}
    for call in (unary_call(protocol, headers), stream_call(protocol, headers)):
        assert call.context.protocol == protocol.removesuffix("-text")
        answer = call.failure(ConnectError(Code.ABORTED))
        content_type = dict(answer.headers)[b"content-type"]
        assert content_type == headers["content-type"].encode()


def test_binary_protobuf_is_meant_only_where_it_is_spoken() -> None:
    class Own(JsonCodec):
        name = "own"

    settled = ServerOptions(compressions=server_compressions(None), codecs=(Own(),))
    binding = unary_server_method(method(MethodKind.UNARY), settled)
    assert isinstance(
        binding.accept("POST", request_headers("grpc", None), b"", None), HttpResponse
    )
    headers = request_headers("grpc", {"content-type": "application/grpc+own"})
    assert not isinstance(binding.accept("POST", headers, b"", None), HttpResponse)


@each_protocol
def test_a_timeout_becomes_a_deadline(protocol: str) -> None:
    for begin in (unary_call, stream_call):
        timeout_ms = begin(protocol, {"grpc-timeout": "900S"}).context.timeout_ms
        assert timeout_ms is not None
        assert 0 < timeout_ms <= 900_000


@each_protocol
def test_the_default_and_the_longest_timeout_of_the_server_hold(protocol: str) -> None:
    assert unary_call(protocol).context.deadline is None
    call = unary_call(protocol, default_timeout_ms=0)
    assert call.context.timeout_ms == 0
    call = unary_call(protocol, {"grpc-timeout": "1H"}, max_timeout_ms=0)
    assert call.context.timeout_ms == 0


@each_protocol
@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({"grpc-timeout": "soon"}, b"3", b"invalid grpc-timeout"),
        ({"grpc-encoding": "lzma"}, b"12", b"supported: gzip, br, zstd, identity"),
        ({"grpc-encoding": "x" * 5000}, b"12", b"'xxx"),
    ],
)
@pytest.mark.parametrize("begin", [unary, stream])
def test_a_call_that_cannot_be_begun_is_an_error(
    protocol: str, headers, status: bytes, text: bytes, begin
) -> None:
    answer = begin(protocol, headers)
    assert isinstance(answer, HttpResponse)
    assert (b"grpc-accept-encoding", b"gzip, br, zstd") in answer.headers
    messages, trailers = answer_of(protocol, answer)
    assert (messages, trailers[0]) == ([], (b"grpc-status", status))
    assert text in dict(trailers)[b"grpc-message"]
    assert len(dict(trailers)[b"grpc-message"]) < 200


@each_protocol
@pytest.mark.parametrize("begin", [unary_call, stream_call])
def test_a_failure_has_its_metadata_once(protocol: str, begin) -> None:
    call = begin(protocol)
    call.context.response_headers.add("x-a", "1")
    call.context.response_trailers.add("x-b", "2")
    error = ConnectError(Code.ABORTED, "try again", metadata={"x-c": "3", "grpc-status": "0"})
    answer = call.failure(error)
    messages, trailers = answer_of(protocol, answer)
    assert messages == []
    assert trailers == [
        (b"grpc-status", b"10"),
        (b"grpc-message", b"try again"),
        (b"x-b", b"2"),
        (b"x-c", b"3"),
    ]
    assert [pair for pair in answer.headers if pair[0].startswith(b"x-")] == [(b"x-a", b"1")]


@pytest.mark.parametrize("begin", [unary_call, stream_call])
def test_a_failure_without_trailers_has_them_in_its_headers(begin) -> None:
    answer = begin("grpc").failure(ConnectError(Code.ABORTED)).without_trailers()
    assert (answer.status, answer.body, answer.trailers) == (200, b"", None)
    assert answer.headers[-1] == (b"grpc-status", b"10")


@each_protocol
@pytest.mark.parametrize(
    ("expose", "text"), [(False, b"internal error"), (True, b"ValueError: secret")]
)
def test_the_failure_of_an_unexpected_exception(protocol: str, expose: bool, text: bytes) -> None:
    answer = unary_call(protocol, expose_errors=expose).failure(ValueError("secret"))
    trailers = [(b"grpc-status", b"13"), (b"grpc-message", text)]
    assert answer_of(protocol, answer) == ([], trailers)


@each_protocol
def test_a_message_of_an_error_begins_no_header(protocol: str) -> None:
    answer = unary_call(protocol).failure(ConnectError(Code.ABORTED, "a\r\ngrpc-status: 0\r\n"))
    _, trailers = answer_of(protocol, answer)
    assert [name for name, _ in trailers] == [b"grpc-status", b"grpc-message"]


# Unary calls.


@each_protocol
def test_a_small_answer(protocol: str) -> None:
    call = unary_call(protocol)
    assert call.has_body
    assert call.request(wire(protocol, ONE)) == HELLO
    answer = call.response(call.encode(HELLO))
    assert answer_of(protocol, answer) == ([(0, DATA)], [(b"grpc-status", b"0")])
    assert list(answer.headers)[:2] == [
        (b"content-type", f"application/{protocol}".encode()),
        (b"grpc-accept-encoding", b"gzip, br, zstd"),
    ]


@each_protocol
def test_answers_share_no_headers(protocol: str) -> None:
    """What a middleware adds to one answer must not be in the next."""
    call = unary_call(protocol)
    first, second = call.response(DATA), call.response(DATA)
    assert first.headers is not second.headers
    if first.trailers is not None:
        assert first.trailers is not second.trailers


@each_protocol
def test_an_answer_with_metadata(protocol: str) -> None:
    call = unary_call(protocol)
    call.context.response_headers.add("x-a", "1")
    call.context.response_trailers.add_binary("x-b-bin", b"\xff\xfe")
    answer = call.response(DATA)
    assert (b"x-a", b"1") in answer.headers
    assert answer_of(protocol, answer)[1] == [(b"grpc-status", b"0"), (b"x-b-bin", b"//4")]


@each_protocol
def test_a_long_answer_is_compressed_as_the_client_likes(protocol: str) -> None:
    call = unary_call(protocol, {"grpc-accept-encoding": "identity,deflate,gzip"})
    answer = call.response(call.encode(LONG))
    assert (b"grpc-encoding", b"gzip") in answer.headers
    [(flags, data)], _ = answer_of(protocol, answer)
    assert flags == 1
    assert Gzip().decompress(data, None) == LONG.SerializeToString()


@each_protocol
@pytest.mark.parametrize("headers", [{}, {"grpc-accept-encoding": "identity"}])
def test_a_long_answer_stays_as_it_is_where_the_client_takes_nothing_else(
    protocol: str, headers: dict[str, str]
) -> None:
    answer = unary_call(protocol, headers).response(LONG.SerializeToString())
    assert b"grpc-encoding" not in dict(answer.headers)
    assert answer_of(protocol, answer)[0] == [(0, LONG.SerializeToString())]


@each_protocol
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "unimplemented: no message, expected one"),
        (ONE + ONE, "unimplemented: more than one message, expected one"),
        (ONE[:3], "invalid_argument: the stream ended inside a message: 2 bytes missing"),
        (ONE[:-2], "invalid_argument: the stream ended inside a message: 2 bytes missing"),
        (ONE + b"\0", "invalid_argument: the stream ended inside a message: 4 bytes missing"),
        (pack(2, DATA), "invalid_argument: invalid envelope flags 0x02"),
        (pack(0x80, DATA), "invalid_argument: invalid envelope flags 0x80"),
        (pack(1, DATA), "internal: compressed message in a stream that declared no compression"),
        (b"\0\xff\xff\xff\xff" + DATA, "resource_exhausted: message exceeds the limit of 9 bytes"),
        (pack(0, b"a" * 10), "resource_exhausted: message exceeds the limit of 9 bytes"),
    ],
)
def test_a_body_that_is_not_one_message(protocol: str, body: bytes, error: str) -> None:
    call = unary_call(protocol, {"grpc-encoding": "identity"}, read_max_bytes=9)
    assert str(refused(call, wire(protocol, body))) == error


@each_protocol
def test_bytes_that_are_no_message_are_an_invalid_argument(protocol: str) -> None:
    error = refused(unary_call(protocol), wire(protocol, pack(0, b"\x0a\xff")))
    assert error.code is Code.INVALID_ARGUMENT


@each_protocol
def test_a_compressed_request(protocol: str) -> None:
    body = wire(protocol, pack(1, Gzip().compress(LONG.SerializeToString())))
    assert unary_call(protocol, {"grpc-encoding": "gzip"}).request(body) == LONG
    error = refused(unary_call(protocol, {"grpc-encoding": "gzip"}, read_max_bytes=1000), body)
    assert error.code is Code.RESOURCE_EXHAUSTED


@each_protocol
def test_the_body_of_the_longest_message_is_within_the_limit(protocol: str) -> None:
    call = unary_call(protocol, read_max_bytes=len(DATA))
    body = wire(protocol, ONE)
    assert call.read_limit == len(body)
    assert call.request(body) == HELLO
    assert unary_call(protocol, read_max_bytes=None).read_limit is None


@each_protocol
def test_the_error_of_a_long_body_tells_the_limit_of_messages(protocol: str) -> None:
    error = unary_call(protocol, read_max_bytes=9).too_large()
    assert str(error) == "resource_exhausted: message exceeds the limit of 9 bytes"


@pytest.mark.parametrize("body", [b"!", b"AAAA!", b"AAA", base64.b64encode(ONE)[:-1]])
def test_a_body_that_is_no_base64_is_an_invalid_argument(body: bytes) -> None:
    assert refused(unary_call("grpc-web-text"), body).code is Code.INVALID_ARGUMENT


# Streams.


@each_protocol
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_requests_may_be_cut_anywhere(protocol: str, size: int) -> None:
    call = stream_call(protocol)
    body = wire(protocol, ONE) + wire(protocol, ONE)
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    assert [message for chunk in chunks for message in call.feed(chunk)] == [HELLO, HELLO]
    call.feed_end()


@each_protocol
def test_wanted_bytes_complete_the_next_request(protocol: str) -> None:
    call = stream_call(protocol)
    body = wire(protocol, ONE) + wire(protocol, ONE)
    got: list[StringValue] = []
    while body:
        size = call.wanted
        assert 0 < size <= len(body)
        got += call.feed(body[:size])
        body = body[size:]
    assert got == [HELLO, HELLO]


@each_protocol
@pytest.mark.parametrize("cut", [1, 4, 5, 8])
def test_a_stream_that_ends_inside_a_request_is_an_invalid_argument(
    protocol: str, cut: int
) -> None:
    call = stream_call(protocol)
    list(call.feed(wire(protocol, ONE)[:cut]))
    with pytest.raises(ConnectError, match=r"the (stream|body) ended inside") as caught:
        call.feed_end()
    assert caught.value.code is Code.INVALID_ARGUMENT


@each_protocol
def test_the_number_of_requests_of_a_server_stream(protocol: str) -> None:
    call = stream_call(protocol, kind=MethodKind.SERVER_STREAM)
    with pytest.raises(ConnectError, match="no message, expected one") as caught:
        call.feed_end()
    assert caught.value.code is Code.UNIMPLEMENTED
    with pytest.raises(ConnectError, match="more than one message") as caught:
        list(call.feed(wire(protocol, ONE + ONE)))
    assert caught.value.code is Code.UNIMPLEMENTED


@each_protocol
def test_a_streamed_answer(protocol: str) -> None:
    call = stream_call(protocol, {"grpc-accept-encoding": "gzip"}, compress_min_bytes=100)
    call.context.response_headers.add("x-a", "1")
    head = call.head()
    assert (head.status, head.has_trailers) == (200, protocol == "grpc")
    assert list(head.headers) == [
        (b"content-type", f"application/{protocol}".encode()),
        (b"grpc-accept-encoding", b"gzip, br, zstd"),
        (b"grpc-encoding", b"gzip"),
        (b"x-a", b"1"),
    ]
    call.context.response_trailers.add("x-b", "2")
    parts = [call.message(HELLO), call.message(LONG)]
    end = call.end()
    messages, trailers = parted(protocol, b"".join([*parts, end.body]), end.trailers)
    assert [flags for flags, _ in messages] == [0, 1]
    assert trailers == [(b"grpc-status", b"0"), (b"x-b", b"2")]


@each_protocol
def test_the_end_of_a_failed_stream(protocol: str) -> None:
    end = stream_call(protocol).end(ConnectError(Code.ABORTED, "again"))
    assert parted(protocol, end.body, end.trailers) == (
        [],
        [(b"grpc-status", b"10"), (b"grpc-message", b"again")],
    )


# What a client might send to do harm.

names = st.sampled_from([b"grpc-timeout", b"grpc-encoding", b"grpc-accept-encoding", b"te", b"x"])
values = st.binary(max_size=20) | st.sampled_from([b"gzip", b"identity", b"1S", b"9" * 999, b"H"])
hostile = st.lists(st.tuples(names, values), max_size=5)
pieces = st.sampled_from([ONE, pack(1, b""), b"\0\0\0\0", b"\1", b"=", b"AAAA", b"AA==", b"\xff"])
bodies = st.lists(pieces | st.binary(max_size=9), max_size=6)


def message_or_error(
    call: UnaryServerCall[StringValue, StringValue], body: bytes
) -> StringValue | ConnectError:
    try:
        return call.request(body)
    except ConnectError as error:
        return error


@bounded
@given(st.sampled_from(PROTOCOLS), hostile, bodies)
@example("grpc", [], [b"\0\xff\xff\xff\xff"])
@example("grpc-web-text", [], [base64.b64encode(pack(0, b"\x0a\xff"))])
def test_any_call_is_messages_or_a_connect_error(protocol: str, headers, chunks) -> None:
    raw = [*headers, (b"content-type", f"application/{protocol}".encode())]
    settled = ServerOptions(compressions=server_compressions(None))
    call = unary_server_method(method(MethodKind.UNARY), settled).accept("POST", raw, b"", None)
    if isinstance(call, HttpResponse):
        assert call.status == 200
        return
    outcome = message_or_error(call, b"".join(chunks))
    if isinstance(outcome, ConnectError):
        _, trailers = answer_of(protocol, call.failure(outcome))
        assert Headers.from_raw(trailers)["grpc-status"] == str(outcome.code.grpc)
    else:
        assert isinstance(outcome, StringValue)
    streamed = stream_server_method(method(MethodKind.BIDI_STREAM), settled)
    call = streamed.accept("POST", raw, b"", None)
    assert not isinstance(call, HttpResponse)
    try:
        for chunk in chunks:
            assert all(isinstance(message, StringValue) for message in call.feed(chunk))
        call.feed_end()
    except ConnectError:
        return
