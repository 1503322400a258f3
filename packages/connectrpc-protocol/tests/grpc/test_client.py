"""Calls of gRPC and gRPC-Web on the client.

Sources: grpc/grpc, PROTOCOL-HTTP2.md and PROTOCOL-WEB.md; doc/http-grpc-status-mapping.md.
"""

import base64
import time

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectrpc_protocol import (
    Code,
    Compressions,
    ConnectError,
    Gzip,
    Headers,
    JsonCodec,
    Method,
    MethodKind,
    ProtoCodec,
    RequestContext,
)
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.options import ClientOptions

bounded = settings(deadline=None, max_examples=75, suppress_health_check=[HealthCheck.too_slow])
HELLO = StringValue(value="hello")
LONG = StringValue(value="hello " * 1000)
DATA = HELLO.SerializeToString()
ONE = pack(0, DATA)
Raw = list[tuple[bytes, bytes]]
OK: Raw = [(b"grpc-status", b"0")]

each_protocol = pytest.mark.parametrize("protocol", ["grpc", "grpc-web"])


class Client:
    """One call of a client, and the answer it gets."""

    def __init__(
        self,
        protocol: str,
        kind: MethodKind = MethodKind.UNARY,
        headers: dict[str, str] | None = None,
        deadline: float | None = None,
        **options: object,
    ) -> None:
        method = Method(
            service="acme.v1.EchoService",
            name="Echo",
            kind=kind,
            request=StringValue,
            response=StringValue,
        )
        settings = {"codec": ProtoCodec(), "accept_compression": Compressions(["gzip", "br"])}
        settled = ClientOptions(**(settings | options))
        speaks = client_protocol(protocol)
        self.protocol = protocol
        self.context = RequestContext(method, protocol, "POST", Headers(headers or {}), deadline)
        self.unary = speaks.unary_client(method, "https://h", settled).call(self.context)
        self.stream = speaks.stream_client(method, "https://h", settled).call(self.context)
        self.kind = kind

    def answer(
        self,
        body: bytes,
        trailers: Raw | None,
        headers: Raw | None = None,
        status: int = 200,
        content_type: str | None = None,
    ) -> list[StringValue]:
        """What the call returns for an answer with these trailers, wherever they belong."""
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

    def fails(self, *args: object, **kwargs: object) -> ConnectError:
        with pytest.raises(ConnectError) as caught:
            self.answer(*args, **kwargs)
        return caught.value


# Requests.


def test_the_head_of_a_grpc_request() -> None:
    head = Client("grpc", headers={"x-a": "1", "te": "gzip", "grpc-timeout": "1S"}).stream.head()
    assert head == (
        "POST",
        "https://h/acme.v1.EchoService/Echo",
        [
            ("content-type", "application/grpc+proto"),
            ("te", "trailers"),
            ("accept-encoding", "identity"),
            ("grpc-accept-encoding", "gzip, br"),
            ("x-a", "1"),
        ],
        None,
    )


def test_the_head_of_a_grpc_web_request() -> None:
    head = Client("grpc-web", codec=JsonCodec(), accept_compression=Compressions([])).stream.head()
    assert head.headers == [
        ("content-type", "application/grpc-web+json"),
        ("accept-encoding", "identity"),
        ("grpc-accept-encoding", "identity"),
    ]


@each_protocol
def test_a_timeout_goes_first(protocol: str) -> None:
    client = Client(protocol, deadline=time.monotonic() + 900)
    name, value = client.stream.head().headers[0]
    assert name == "grpc-timeout"
    assert 0 < int(value.removesuffix("m")) <= 900_000


@each_protocol
def test_a_unary_request_is_one_envelope(protocol: str) -> None:
    client = Client(protocol)
    request = client.unary.request(HELLO)
    assert request == client.stream.head()._replace(body=ONE)


@each_protocol
def test_long_requests_are_compressed_where_it_is_asked_for(protocol: str) -> None:
    request = Client(protocol, send_compression=Gzip()).unary.request(LONG)
    assert ("grpc-encoding", "gzip") in request.headers
    assert request.body is not None
    assert request.body[0] == 1
    assert Gzip().decompress(request.body[5:], None) == LONG.SerializeToString()


# Answers.


@each_protocol
def test_an_answer(protocol: str) -> None:
    client = Client(protocol)
    assert client.answer(ONE, [*OK, (b"x-b", b"2")], [(b"x-a", b"1")]) == [HELLO]
    assert client.context.response_headers["x-a"] == "1"
    assert client.context.response_trailers["x-b"] == "2"


@each_protocol
@pytest.mark.parametrize("ending", ["", "+proto", "+proto; charset=utf-8", "+PROTO"])
def test_the_content_types_of_binary_protobuf(protocol: str, ending: str) -> None:
    assert Client(protocol).answer(ONE, OK, content_type=f"application/{protocol}{ending}")


@each_protocol
@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("", Code.UNKNOWN),
        ("image/jpeg", Code.UNKNOWN),
        ("application/json", Code.UNKNOWN),
        ("application/{protocol}+json", Code.INTERNAL),
        ("application/grpc-web-text", Code.INTERNAL),
    ],
)
def test_another_content_type_is_an_error(protocol: str, content_type: str, code: Code) -> None:
    content_type = content_type.replace("{protocol}", protocol) or " "
    error = Client(protocol).fails(ONE, OK, content_type=content_type)
    assert error.code is code
    assert "expected" in error.message


def test_json_must_be_named() -> None:
    client = Client("grpc", codec=JsonCodec())
    assert client.fails(ONE, OK, content_type="application/grpc").code is Code.INTERNAL


@each_protocol
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.CLIENT_STREAM])
def test_the_number_of_responses(protocol: str, kind: MethodKind) -> None:
    assert str(Client(protocol, kind).fails(b"", OK)).startswith("unimplemented: no message")
    error = Client(protocol, kind).fails(ONE + ONE, OK)
    assert str(error).startswith("unimplemented: more than one message")


@each_protocol
def test_a_stream_may_be_empty(protocol: str) -> None:
    assert Client(protocol, MethodKind.BIDI_STREAM).answer(b"", OK) == []


@each_protocol
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (pack(4, DATA), Code.INTERNAL),
        (pack(0, b"\x0a\xff"), Code.INTERNAL),
        (pack(1, DATA), Code.INTERNAL),
        (pack(0, LONG.SerializeToString()), Code.RESOURCE_EXHAUSTED),
    ],
)
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.BIDI_STREAM])
def test_a_body_at_fault(protocol: str, kind: MethodKind, body: bytes, code: Code) -> None:
    assert Client(protocol, kind, read_max_bytes=1000).fails(body, OK).code is code


@pytest.mark.parametrize("size", [1, 5, 8])
def test_a_message_that_is_cut_is_internal(size: int) -> None:
    error = Client("grpc").fails(ONE[:size], OK)
    assert str(error).startswith("internal: the stream ended inside a message")


@each_protocol
def test_a_compressed_answer(protocol: str) -> None:
    body = pack(1, Gzip().compress(LONG.SerializeToString()))
    headers = [(b"grpc-encoding", b"gzip")]
    assert Client(protocol).answer(body, OK, headers) == [LONG]
    error = Client(protocol, read_max_bytes=1000).fails(body, OK, headers)
    assert error.code is Code.RESOURCE_EXHAUSTED


@each_protocol
def test_a_compression_that_was_not_offered_is_internal(protocol: str) -> None:
    error = Client(protocol).fails(ONE, OK, [(b"grpc-encoding", b"zstd")])
    assert error.code is Code.INTERNAL


# How calls fail.


@each_protocol
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.BIDI_STREAM])
def test_an_error_has_headers_and_trailers(protocol: str, kind: MethodKind) -> None:
    client = Client(protocol, kind)
    trailers = [(b"grpc-status", b"5"), (b"grpc-message", b"g%6Fne"), (b"x-b", b"2")]
    error = client.fails(b"", trailers, [(b"x-a", b"1")])
    assert str(error) == "not_found: gone"
    assert (error.metadata["x-a"], error.metadata["x-b"]) == ("1", "2")
    assert client.context.response_headers["x-a"] == "1"
    assert client.context.response_trailers["x-b"] == "2"


@each_protocol
def test_trailers_only(protocol: str) -> None:
    client = Client(protocol)
    error = client.fails(b"", None, [(b"grpc-status", b"5"), (b"x-b", b"2"), (b"x-b", b"3")])
    assert error.code is Code.NOT_FOUND
    assert error.metadata.get_all("x-b") == ["2", "3"]
    assert client.context.response_trailers.get_all("x-b") == ["2", "3"]
    assert "x-b" not in client.context.response_headers


@each_protocol
def test_trailers_count_more_than_headers(protocol: str) -> None:
    error = Client(protocol).fails(b"", [(b"grpc-status", b"9")], [(b"grpc-status", b"8")])
    assert error.code is Code.FAILED_PRECONDITION


@each_protocol
@pytest.mark.parametrize("headers", [[], [(b"grpc-status", b"9")], OK])
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.BIDI_STREAM])
def test_an_answer_without_its_trailers_is_unknown(
    protocol: str, kind: MethodKind, headers: Raw
) -> None:
    error = Client(protocol, kind).fails(ONE, None, headers)
    assert str(error) == "unknown: the server sent no grpc-status"


@each_protocol
def test_the_error_counts_and_not_the_body_before_it(protocol: str) -> None:
    error = Client(protocol).fails(ONE, [(b"grpc-status", b"5")])
    assert error.code is Code.NOT_FOUND


@each_protocol
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, Code.INTERNAL),
        (401, Code.UNAUTHENTICATED),
        (403, Code.PERMISSION_DENIED),
        (404, Code.UNIMPLEMENTED),
        (415, Code.UNKNOWN),
        (429, Code.UNAVAILABLE),
        (500, Code.UNKNOWN),
        (502, Code.UNAVAILABLE),
        (503, Code.UNAVAILABLE),
        (504, Code.UNAVAILABLE),
    ],
)
def test_another_http_status(protocol: str, status: int, code: Code) -> None:
    error = Client(protocol).fails(
        b"<html>", None, [(b"x-a", b"1")], status=status, content_type="text/html"
    )
    assert (error.code, error.message) == (code, f"HTTP status {status}")
    assert error.metadata["x-a"] == "1"


@each_protocol
def test_a_grpc_status_counts_more_than_that_of_http(protocol: str) -> None:
    error = Client(protocol).fails(b"", None, [(b"grpc-status", b"5")], status=503)
    assert error.code is Code.NOT_FOUND
    error = Client(protocol).fails(ONE, None, OK, status=503)
    assert error.code is Code.UNAVAILABLE


@each_protocol
@pytest.mark.parametrize(("seconds", "code"), [(-1, "deadline_exceeded"), (900, "canceled")])
def test_a_call_canceled_after_its_deadline_ran_out_of_time(
    protocol: str, seconds: int, code: str
) -> None:
    client = Client(protocol, deadline=time.monotonic() + seconds)
    assert client.fails(b"", [(b"grpc-status", b"1")]).code.value == code


# gRPC-Web: trailers in the body.


def web(kind: MethodKind = MethodKind.BIDI_STREAM, headers: Raw | None = None, **options) -> Client:
    client = Client("grpc-web", kind, **options)
    client.stream.start(200, [(b"content-type", b"application/grpc-web"), *(headers or [])])
    return client


def test_trailers_may_be_cut_anywhere() -> None:
    body = ONE + pack(0x80, b"grpc-status: 5\r\n")
    for size in range(1, len(body)):
        client = web()
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        assert [each for chunk in chunks for each in client.stream.feed(chunk)] == [HELLO]
        with pytest.raises(ConnectError, match="not_found"):
            client.stream.end()


def test_trailers_may_be_compressed() -> None:
    client = web(headers=[(b"grpc-encoding", b"gzip")])
    list(client.stream.feed(pack(0x81, Gzip().compress(b"grpc-status: 5\r\n"))))
    with pytest.raises(ConnectError, match="not_found"):
        client.stream.end()


def test_trailers_have_room_where_messages_have_not() -> None:
    trailers = [*OK, (b"x-a", b"1" * 1000)]
    assert Client("grpc-web", read_max_bytes=len(DATA)).answer(ONE, trailers) == [HELLO]


@pytest.mark.parametrize("size", [65, 5000])
def test_trailers_are_bounded(size: int) -> None:
    prefix = b"\x80" + (size * 1024 + 1).to_bytes(4)
    with pytest.raises(ConnectError) as caught:
        list(web(read_max_bytes=10).stream.feed(prefix))
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    bomb = pack(0x81, Gzip().compress(b"\n" * (size * 1024 + 1)))
    with pytest.raises(ConnectError) as caught:
        list(web(headers=[(b"grpc-encoding", b"gzip")], read_max_bytes=10).stream.feed(bomb))
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


@each_protocol
def test_the_error_of_a_long_answer_tells_the_limit_of_messages(protocol: str) -> None:
    error = Client(protocol, read_max_bytes=1000).unary.too_large()
    assert str(error) == "resource_exhausted: message exceeds the limit of 1000 bytes"


def test_a_unary_answer_is_bounded() -> None:
    limit = Client("grpc-web", read_max_bytes=1000).unary.read_limit
    assert limit == 1000 + 64 * 1024 + 2 * 5
    assert Client("grpc", read_max_bytes=1000).unary.read_limit == 1005
    assert Client("grpc-web", read_max_bytes=None).unary.read_limit is None
    assert Client("grpc", read_max_bytes=None).unary.read_limit is None


@pytest.mark.parametrize("more", [ONE, pack(0x80, b""), b"\0\0\0\0\0"])
def test_nothing_comes_after_the_trailers(more: bytes) -> None:
    client = web()
    with pytest.raises(ConnectError, match="data after the end") as caught:
        list(client.stream.feed(pack(0x80, b"grpc-status: 0\r\n") + more))
    assert caught.value.code is Code.INTERNAL


def test_malformed_trailers_are_internal() -> None:
    client = web()
    list(client.stream.feed(pack(0x80, b"grpc-status 0\r\n")))
    with pytest.raises(ConnectError, match="malformed trailers") as caught:
        client.stream.end()
    assert caught.value.code is Code.INTERNAL


def test_trailers_begin_no_header_when_they_are_sent_on() -> None:
    block = b"grpc-status: 5\r\nx-a: 1\r2\r\nx-b: \0\r\nx-c: 3\r\n"
    client = web()
    list(client.stream.feed(pack(0x80, block)))
    with pytest.raises(ConnectError) as caught:
        client.stream.end()
    assert dict(caught.value.metadata.metadata()) == {"x-c": "3"}


# What a server might send to do harm.

names = st.sampled_from(
    [b"grpc-status", b"grpc-message", b"grpc-status-details-bin", b"grpc-encoding", b"x"]
)
values = st.sampled_from([b"0", b"5", b"99", b"gzip", b"%ff", base64.b64encode(b"\x1a\xff")])
fields = st.lists(st.tuples(names, values | st.binary(max_size=9)), max_size=4)
bodies = st.lists(st.sampled_from([ONE, pack(1, b"x"), pack(0x80, b"x")]) | st.binary(max_size=9))


@bounded
@given(
    st.sampled_from(["grpc", "grpc-web"]),
    st.sampled_from(MethodKind),
    st.sampled_from([200, 204, 503]),
    fields,
    bodies.map(b"".join),
    st.none() | fields,
)
def test_any_answer_is_messages_or_a_connect_error(
    protocol: str, kind: MethodKind, status: int, headers: Raw, body: bytes, trailers: Raw | None
) -> None:
    client = Client(protocol, kind)
    try:
        messages = client.answer(body, trailers, headers, status)
    except ConnectError:
        return
    assert status == 200
    assert all(isinstance(message, StringValue) for message in messages)
    assert client.context.response_trailers["grpc-status"] == "0"
