"""Unary calls. Source: Connect protocol reference, "Unary RPCs"."""

import json
from collections.abc import Mapping

import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectrpc_protocol import (
    Code,
    Compression,
    Compressions,
    ConnectError,
    Gzip,
    Headers,
    IdempotencyLevel,
    JsonCodec,
    Method,
    MethodKind,
    ProtoCodec,
    RequestContext,
)
from connectrpc_protocol.call import UnaryClientCall, UnaryServerCall
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.connect.get_request import MAX_URL_LENGTH
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.options import ClientOptions, ServerOptions, server_compressions
from connectrpc_protocol.server import unary_server_method

bounded = settings(deadline=None, max_examples=75, suppress_health_check=[HealthCheck.too_slow])
METHOD = Method(
    service="acme.v1.EchoService",
    name="Echo",
    kind=MethodKind.UNARY,
    request=StringValue,
    response=StringValue,
    idempotency=IdempotencyLevel.NO_SIDE_EFFECTS,
)
URL = "https://api.example.com/acme.v1.EchoService/Echo"
HELLO = StringValue(value="hello")
HELLO_BYTES = HELLO.SerializeToString()
LONG = StringValue(value="hello " * 1000)
Call = UnaryServerCall[StringValue, StringValue]


def accept(
    headers: Mapping[str, str] | None = None,
    query: bytes | None = None,
    content_type: str = "application/proto",
    **options: object,
) -> Call | HttpResponse:
    options.setdefault("compressions", server_compressions(None))
    served = unary_server_method(METHOD, ServerOptions(**options))
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    if query is not None:
        return served.accept("GET", raw, query, None)
    raw.append((b"content-type", content_type.encode()))
    return served.accept("POST", raw, b"", None)


def accepted(headers: Mapping[str, str] | None = None, **options: object) -> Call:
    call = accept(headers, **options)
    assert not isinstance(call, HttpResponse)
    return call


def respond(call: Call, message: StringValue) -> HttpResponse:
    return call.response(call.encode(message))


def error_of(answer: object) -> tuple[int, dict[str, object]]:
    assert isinstance(answer, HttpResponse)
    assert dict(answer.headers)[b"content-type"] == b"application/json"
    assert dict(answer.headers)[b"content-length"] == b"%d" % len(answer.body)
    return answer.status, json.loads(answer.body)


# The server.


def test_the_body_is_the_request() -> None:
    assert accepted().request(HELLO_BYTES) == HELLO


def test_an_empty_body_is_an_empty_message() -> None:
    assert accepted().request(b"") == StringValue()


@pytest.mark.parametrize("compression", server_compressions(None).names)
def test_a_compressed_body_is_the_request(compression: str) -> None:
    one = server_compressions(None).get(compression)
    assert one is not None
    call = accepted({"content-encoding": compression})
    assert call.request(one.compress(HELLO_BYTES)) == HELLO


@pytest.mark.parametrize("compression", server_compressions(None).names)
def test_an_empty_body_needs_no_decompression(compression: str) -> None:
    assert accepted({"content-encoding": compression}).request(b"") == StringValue()


def test_a_post_has_a_body_within_the_limit() -> None:
    call = accepted(read_max_bytes=7)
    assert (call.has_body, call.read_limit) == (True, 7)
    assert str(call.too_large()) == "resource_exhausted: message exceeds the limit of 7 bytes"


def test_a_get_has_no_body() -> None:
    query = b"connect=v1&encoding=json&message=%22hello%22"
    call = accepted(query=query)
    assert (call.has_body, call.request(b"")) == (False, HELLO)


def test_a_compressed_get_is_the_request() -> None:
    query = b"encoding=proto&base64=1&compression=gzip&message="
    import base64

    call = accepted(query=query + base64.urlsafe_b64encode(Gzip().compress(HELLO_BYTES)))
    assert call.request(b"") == HELLO


@pytest.mark.parametrize("limit", [None, 7])
def test_a_message_of_the_limit_passes(limit: int | None) -> None:
    assert accepted(read_max_bytes=limit).request(HELLO_BYTES) == HELLO


@pytest.mark.parametrize("query", [None, b"encoding=proto&message=%0a%05hello"])
def test_a_message_beyond_the_limit_is_refused(query: bytes | None) -> None:
    with pytest.raises(ConnectError) as caught:
        accepted(query=query, read_max_bytes=6).request(HELLO_BYTES)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


def test_a_message_beyond_the_limit_after_decompression_is_refused() -> None:
    body = Gzip().compress(LONG.SerializeToString())
    with pytest.raises(ConnectError) as caught:
        accepted({"content-encoding": "gzip"}, read_max_bytes=1000).request(body)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


def test_a_body_that_is_no_message_is_an_invalid_argument() -> None:
    with pytest.raises(ConnectError, match=r"decode google.protobuf.StringValue from proto") as got:
        accepted().request(b"\x0a\xff")
    assert got.value.code is Code.INVALID_ARGUMENT


def test_a_body_that_cannot_be_decompressed_is_an_invalid_argument() -> None:
    with pytest.raises(ConnectError, match="cannot decompress with gzip") as got:
        accepted({"content-encoding": "gzip"}).request(b"plain")
    assert got.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("content_type", ["application/proto", "application/json"])
def test_an_answer_has_its_length_and_the_type_of_the_request(content_type: str) -> None:
    answer = respond(accepted(content_type=content_type), HELLO)
    assert (answer.status, answer.trailers) == (200, None)
    assert dict(answer.headers) == {
        b"content-type": content_type.encode(),
        b"content-length": b"%d" % len(answer.body),
    }


def test_metadata_is_sent_as_headers_and_prefixed_trailers() -> None:
    call = accepted()
    call.context.response_headers.add("x-a", "1")
    call.context.response_headers.add("x-a", "2")
    call.context.response_headers.add("content-length", "999")
    call.context.response_trailers.add("x-b", "3")
    headers = respond(call, HELLO).headers
    assert list(headers) == [
        (b"content-type", b"application/proto"),
        (b"content-length", b"7"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"trailer-x-b", b"3"),
    ]


def test_a_long_answer_is_compressed_as_the_client_likes() -> None:
    answer = respond(accepted({"accept-encoding": "br;q=0.5, gzip"}), LONG)
    headers = dict(answer.headers)
    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"content-length"] == b"%d" % len(answer.body)
    assert Gzip().decompress(answer.body, None) == LONG.SerializeToString()


@pytest.mark.parametrize("accept_encoding", [None, "", "identity", "deflate", "gzip;q=0"])
def test_a_long_answer_stays_as_it_is_for_a_client_without_compression(
    accept_encoding: str | None,
) -> None:
    headers = {} if accept_encoding is None else {"accept-encoding": accept_encoding}
    answer = respond(accepted(headers), LONG)
    assert answer.body == LONG.SerializeToString()
    assert b"content-encoding" not in dict(answer.headers)


def test_a_short_answer_is_not_compressed() -> None:
    answer = respond(accepted({"accept-encoding": "gzip"}), HELLO)
    assert answer.body == HELLO_BYTES


def test_the_length_from_which_answers_are_compressed_is_an_option() -> None:
    answer = respond(accepted({"accept-encoding": "gzip"}, compress_min_bytes=7), HELLO)
    assert dict(answer.headers)[b"content-encoding"] == b"gzip"


def test_a_long_answer_to_a_get_varies_by_accept_encoding() -> None:
    answer = respond(accepted(query=b"encoding=proto&message="), LONG)
    assert dict(answer.headers)[b"vary"] == b"accept-encoding"


def test_an_answer_beyond_the_send_limit_is_an_error() -> None:
    with pytest.raises(ConnectError, match="7 bytes exceeds the send limit of 6 bytes") as caught:
        respond(accepted(send_max_bytes=6), HELLO)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


def test_a_response_of_another_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"type google\.protobuf\.StringValue, got Struct"):
        accepted().encode(Struct())


@pytest.mark.parametrize("code", Code)
def test_a_failure_has_the_status_of_its_code(code: Code) -> None:
    status, value = error_of(accepted().failure(ConnectError(code, "text")))
    assert (status, value) == (code.http_status, {"code": code.value, "message": "text"})


def test_a_failure_carries_the_metadata_of_the_call_and_of_the_error() -> None:
    call = accepted()
    call.context.response_headers["x-a"] = "1"
    call.context.response_trailers["x-b"] = "2"
    error = ConnectError(Code.ABORTED, metadata={"x-c": ["3", "4"], "content-type": "text/html"})
    assert list(call.failure(error).headers)[2:] == [
        (b"x-a", b"1"),
        (b"x-c", b"3"),
        (b"x-c", b"4"),
        (b"trailer-x-b", b"2"),
    ]


def test_a_failure_does_not_tell_the_text_of_an_unexpected_exception() -> None:
    answer = accepted().failure(ValueError("secret"))
    assert error_of(answer) == (500, {"code": "internal", "message": "internal error"})


def test_a_failure_may_expose_the_text_of_an_unexpected_exception() -> None:
    answer = accepted(expose_errors=True).failure(ValueError("bug"))
    assert error_of(answer) == (500, {"code": "internal", "message": "ValueError: bug"})


def test_a_long_failure_is_compressed() -> None:
    error = ConnectError(Code.ABORTED, "again " * 1000)
    answer = accepted({"accept-encoding": "gzip"}).failure(error)
    assert json.loads(Gzip().decompress(answer.body, None))["code"] == "aborted"


@pytest.mark.parametrize(
    ("headers", "code", "text"),
    [
        ({"connect-timeout-ms": "soon"}, "invalid_argument", "invalid connect-timeout-ms: 'soon'"),
        ({"content-encoding": "lzma"}, "unimplemented", "supported: gzip, br, zstd, identity"),
        (
            {"connect-protocol-version": "2"},
            "invalid_argument",
            "connect-protocol-version must be '1', not '2'",
        ),
    ],
)
def test_a_post_that_cannot_be_begun_is_an_error(
    headers: dict[str, str], code: str, text: str
) -> None:
    status, value = error_of(accept(headers))
    assert (status, value["code"]) == (Code(code).http_status, code)
    assert text in str(value["message"])


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        (b"encoding=proto", "invalid_argument", "missing query parameter: message"),
        (b"message=", "invalid_argument", "missing query parameter: encoding"),
        (b"connect=v2&encoding=proto&message=", "invalid_argument", "must be v1: 'v2'"),
        (b"encoding=proto&message=!&base64=1", "invalid_argument", "not base64url"),
        (b"encoding=proto&message=&compression=lzma", "unimplemented", "compression 'lzma'"),
        (b"&" * 500, "invalid_argument", "too many query parameters"),
    ],
)
def test_a_get_that_cannot_be_begun_is_an_error(query: bytes, code: str, text: str) -> None:
    status, value = error_of(accept(query=query))
    assert (status, value["code"]) == (Code(code).http_status, code)
    assert text in str(value["message"])


def test_a_get_in_an_unknown_codec_is_an_unsupported_media_type() -> None:
    answer = accept(query=b"encoding=xml&message=")
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.body) == (415, b"unsupported encoding; supported: proto, json\n")


@pytest.mark.parametrize("query", [None, b"encoding=proto&message="])
def test_a_call_without_a_version_is_refused_where_one_is_required(query: bytes | None) -> None:
    answer = accept(query=query, require_connect_protocol_header=True)
    status, value = error_of(answer)
    assert (status, value["code"]) == (400, "invalid_argument")


def test_a_call_with_the_version_passes_where_it_is_required() -> None:
    headers = {"connect-protocol-version": "1"}
    assert accepted(headers, require_connect_protocol_header=True).request(b"") == StringValue()


def test_the_timeout_of_the_client_is_that_of_the_call() -> None:
    timeout_ms = accepted({"connect-timeout-ms": "100000"}).context.timeout_ms
    assert timeout_ms is not None
    assert 50_000 < timeout_ms <= 100_000


# The client.


def client(
    headers: dict[str, str] | None = None,
    http_method: str = "POST",
    codec: object = None,
    accept: tuple[str, ...] = ("gzip",),
    deadline: float | None = None,
    **options: object,
) -> tuple[UnaryClientCall[StringValue, StringValue], RequestContext]:
    settled = ClientOptions(
        codec=codec or ProtoCodec(), accept_compression=Compressions(accept), **options
    )
    binding = client_protocol("connect").unary_client(METHOD, "https://api.example.com", settled)
    context = RequestContext(METHOD, "connect", http_method, Headers(headers or {}), deadline)
    return binding.call(context), context


PROTO_TYPE = (b"content-type", b"application/proto")
JSON_TYPE = (b"content-type", b"application/json")


def failed(status: int, headers: list[tuple[bytes, bytes]], body: bytes, **options) -> ConnectError:
    with pytest.raises(ConnectError) as caught:
        client(**options)[0].response(status, headers, body)
    return caught.value


def test_a_request_is_a_post() -> None:
    request = client({"x-a": "1"})[0].request(HELLO)
    assert request == (
        "POST",
        URL,
        [
            ("content-type", "application/proto"),
            ("connect-protocol-version", "1"),
            ("accept-encoding", "gzip"),
            ("x-a", "1"),
        ],
        HELLO_BYTES,
    )


@pytest.mark.parametrize("http_method", ["GET", "POST"])
def test_a_request_of_another_type_is_a_type_error(http_method: str) -> None:
    with pytest.raises(TypeError, match=r"type google\.protobuf\.StringValue, got Struct"):
        client(http_method=http_method)[0].request(Struct())


def test_a_request_tells_what_remains_of_its_timeout() -> None:
    import time

    headers = Headers(client(deadline=time.monotonic() + 100)[0].request(HELLO).headers)
    assert 50_000 < int(headers["connect-timeout-ms"]) <= 100_000


def test_metadata_cannot_replace_what_the_protocol_sets() -> None:
    given_headers = {"Content-Type": "text/html", "Connect-Timeout-Ms": "1", "host": "evil"}
    names = [name for name, _ in client(given_headers)[0].request(HELLO).headers]
    assert names == ["content-type", "connect-protocol-version", "accept-encoding"]


def test_a_long_request_is_compressed_where_it_is_asked_for() -> None:
    request = client(send_compression=Gzip())[0].request(LONG)
    assert ("content-encoding", "gzip") in request.headers
    assert request.body is not None
    assert Gzip().decompress(request.body, None) == LONG.SerializeToString()


def test_a_short_request_is_not_compressed() -> None:
    assert client(send_compression=Gzip())[0].request(HELLO).body == HELLO_BYTES


def test_a_request_with_get_has_its_message_in_the_url() -> None:
    request = client({"x-a": "1"}, "GET")[0].request(HELLO)
    assert request == (
        "GET",
        f"{URL}?connect=v1&encoding=proto&base64=1&message=CgVoZWxsbw",
        [("accept-encoding", "gzip"), ("x-a", "1")],
        b"",
    )


def test_a_compressed_get_is_always_the_same() -> None:
    urls = {
        client(http_method="GET", send_compression=Gzip())[0].request(LONG).url for _ in range(3)
    }
    assert len(urls) == 1
    assert "compression=gzip" in urls.pop()


def test_a_get_that_is_too_long_is_a_post() -> None:
    request = client(http_method="GET")[0].request(LONG)
    assert (request.method, request.url) == ("POST", URL)


def get_url(length: int) -> tuple[str, int]:
    """The method and the length of the URL of a call whose message has so many letters."""
    request = client(http_method="GET", codec=JsonCodec())[0].request(
        StringValue(value="a" * length)
    )
    return request.method, len(request.url)


def test_a_get_of_the_longest_url_is_a_get() -> None:
    spare = MAX_URL_LENGTH - get_url(0)[1]
    assert get_url(spare) == ("GET", MAX_URL_LENGTH)
    assert get_url(spare + 1) == ("POST", len(URL))


def test_the_body_of_a_success_is_the_response() -> None:
    call, context = client()
    headers = [PROTO_TYPE, (b"x-a", b"1"), (b"Trailer-X-B", b"2"), (b"trailer-x-b", b"3")]
    assert call.response(200, headers, HELLO_BYTES) == HELLO
    assert context.response_headers["x-a"] == "1"
    assert "trailer-x-b" not in context.response_headers
    assert context.response_trailers.get_all("x-b") == ["2", "3"]


def test_a_compressed_response_is_read() -> None:
    headers = [PROTO_TYPE, (b"content-encoding", b"gzip")]
    assert client()[0].response(200, headers, Gzip().compress(HELLO_BYTES)) == HELLO


def test_a_response_beyond_the_limit_is_refused() -> None:
    error = failed(200, [PROTO_TYPE], HELLO_BYTES, read_max_bytes=6)
    assert error.code is Code.RESOURCE_EXHAUSTED


def test_the_read_limit_is_an_option() -> None:
    call = client(read_max_bytes=6)[0]
    assert call.read_limit == 6
    assert str(call.too_large()) == "resource_exhausted: message exceeds the limit of 6 bytes"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], Code.UNKNOWN),
        ([(b"content-type", b"text/html")], Code.UNKNOWN),
        ([(b"content-type", b"\xff\0")], Code.UNKNOWN),
        ([JSON_TYPE], Code.INTERNAL),
        ([PROTO_TYPE, (b"content-encoding", b"br")], Code.INTERNAL),
        ([PROTO_TYPE, (b"content-encoding", b"\xff")], Code.INTERNAL),
    ],
)
def test_a_response_that_was_not_asked_for_is_an_error(
    headers: list[tuple[bytes, bytes]], code: Code
) -> None:
    assert failed(200, headers, b"").code is code


def test_a_content_type_may_have_parameters() -> None:
    headers = [(b"content-type", b"Application/JSON; charset=utf-8")]
    assert client(codec=JsonCodec())[0].response(200, headers, b'"hello"') == HELLO


@pytest.mark.parametrize("body", [b"\x0a\xff", b"\x07"])
def test_a_response_that_is_no_message_is_internal(body: bytes) -> None:
    assert failed(200, [PROTO_TYPE], body).code is Code.INTERNAL


@pytest.mark.parametrize("body", [b"plain", b"\x1f\x8b"])
def test_a_response_that_cannot_be_decompressed_is_internal(body: bytes) -> None:
    assert failed(200, [PROTO_TYPE, (b"content-encoding", b"gzip")], body).code is Code.INTERNAL


def test_an_error_of_the_protocol_is_raised() -> None:
    body = b'{"code":"aborted","message":"again","details":[{"type":"a.B","value":"YQ"}]}'
    error = failed(409, [JSON_TYPE, (b"x-a", b"1"), (b"trailer-x-b", b"2")], body)
    assert (error.code, error.message, len(error.details)) == (Code.ABORTED, "again", 1)
    assert (error.metadata["x-a"], error.metadata["x-b"]) == ("1", "2")


def test_a_compressed_error_is_read() -> None:
    body = Gzip().compress(b'{"code":"aborted"}')
    assert failed(409, [JSON_TYPE, (b"content-encoding", b"gzip")], body).code is Code.ABORTED


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 200_000, b"{}", b'{"code":7}', b"[]"])
def test_an_error_without_a_code_has_that_of_the_status(body: bytes) -> None:
    assert failed(503, [JSON_TYPE], body).code is Code.UNAVAILABLE


def test_an_answer_of_something_else_has_the_code_of_its_status() -> None:
    error = failed(502, [(b"content-type", b"text/html")], b"<html>")
    assert str(error) == "unavailable: HTTP status 502"


def test_an_answer_of_something_else_may_be_compressed_with_anything() -> None:
    headers = [(b"content-type", b"text/html"), (b"content-encoding", b"deflate")]
    assert failed(503, headers, b"\x78\x9c").code is Code.UNAVAILABLE


def test_an_error_compressed_with_what_was_not_offered_is_internal() -> None:
    error = failed(409, [JSON_TYPE, (b"content-encoding", b"br"), (b"x-a", b"1")], b"")
    assert error.message == "the server used an unknown compression 'br'; supported: gzip, identity"
    assert (error.code, error.metadata["x-a"]) == (Code.INTERNAL, "1")


def test_an_error_that_cannot_be_decompressed_is_internal() -> None:
    error = failed(409, [JSON_TYPE, (b"content-encoding", b"gzip")], b"plain")
    assert error.code is Code.INTERNAL


def test_an_error_beyond_the_limit_is_refused() -> None:
    error = failed(409, [JSON_TYPE], b'{"code":"aborted"}', read_max_bytes=5)
    assert error.code is Code.RESOURCE_EXHAUSTED


response_headers = st.lists(
    st.tuples(
        st.sampled_from([b"content-type", b"content-encoding", b"trailer-", b"x"])
        | st.binary(max_size=8),
        st.sampled_from([b"application/proto", b"application/json", b"gzip", b"\0", b"\xff", b""])
        | st.binary(max_size=8),
    ),
    max_size=6,
)


@bounded
@given(st.integers(-1, 700), response_headers, st.binary(max_size=40))
@example(500, [JSON_TYPE, (b"x-a", b"\x00\x01")], b"{}")
@example(500, [(b"a b", b"\xff")], b"")
@example(200, [(b"content-type", b"application/proto")] * 2, b"")
def test_any_answer_is_a_message_or_a_connect_error(status: int, headers, body: bytes) -> None:
    try:
        message = client()[0].response(status, headers, body)
    except ConnectError:
        return
    assert isinstance(message, StringValue)


# A compression of one's own.


class Reverse:
    """Bytes from the last to the first."""

    name = "reverse"

    def compress(self, data: bytes) -> bytes:
        return data[::-1]

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        return data[::-1]


def test_a_compression_of_ones_own_is_used() -> None:
    own: Compression = Reverse()
    request = client(send_compression=own, compress_min_bytes=0)[0].request(HELLO)
    assert request.body is not None
    call = accepted({"content-encoding": "reverse"}, compressions=Compressions([own]))
    assert call.request(request.body) == HELLO


def test_a_message_that_cannot_be_encoded_is_an_error_of_its_codec() -> None:
    method = Method(
        service="acme.v1.S", name="M", kind=MethodKind.UNARY, request=Struct, response=Struct
    )
    settled = ClientOptions(codec=JsonCodec(), accept_compression=Compressions([]))
    binding = client_protocol("connect").unary_client(method, "http://h", settled)
    message = Struct()
    message["x"] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        binding.call(RequestContext(method, "connect", "POST", Headers())).request(message)
