"""Unary calls on the client.

Source: Connect protocol reference, "Unary (Request-Response) RPCs".
"""

import time

import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import example, given
from hypothesis import strategies as st

from connectrpc_protocol import (
    Code,
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
from connectrpc_protocol.call import UnaryClientCall
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.connect.get_request import MAX_URL_LENGTH
from connectrpc_protocol.options import ClientOptions

from ..helpers import HELLO, HELLO_BYTES, LONG, bounded, echo_method

METHOD = echo_method(MethodKind.UNARY, IdempotencyLevel.NO_SIDE_EFFECTS)
URL = "https://api.example.com/acme.v1.EchoService/Echo"


def client(
    headers: dict[str, str] | None = None,
    http_method: str = "POST",
    codec: object = None,
    accept: tuple[str, ...] = ("gzip",),
    deadline: float | None = None,
    **options: object,
) -> tuple[UnaryClientCall[StringValue, StringValue], RequestContext]:
    client_options = ClientOptions(
        codec=codec or ProtoCodec(), accept_compression=Compressions(accept), **options
    )
    binding = client_protocol("connect").unary_client(
        METHOD, "https://api.example.com", client_options
    )
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


def test_a_request_carries_the_time_left_until_its_deadline() -> None:
    headers = Headers(client(deadline=time.monotonic() + 100)[0].request(HELLO).headers)
    assert 50_000 < int(headers["connect-timeout-ms"]) <= 100_000


def test_metadata_does_not_replace_headers_of_the_protocol() -> None:
    given_headers = {"Content-Type": "text/html", "Connect-Timeout-Ms": "1", "host": "evil"}
    names = [name for name, _ in client(given_headers)[0].request(HELLO).headers]
    assert names == ["content-type", "connect-protocol-version", "accept-encoding"]


def test_send_compression_compresses_a_long_request() -> None:
    request = client(send_compression=Gzip())[0].request(LONG)
    assert ("content-encoding", "gzip") in request.headers
    assert request.body is not None
    assert Gzip().decompress(request.body, None) == LONG.SerializeToString()


def test_a_short_request_is_not_compressed() -> None:
    assert client(send_compression=Gzip())[0].request(HELLO).body == HELLO_BYTES


def test_a_get_has_its_message_in_the_url() -> None:
    request = client({"x-a": "1"}, "GET")[0].request(HELLO)
    assert request == (
        "GET",
        f"{URL}?connect=v1&encoding=proto&base64=1&message=CgVoZWxsbw",
        [("accept-encoding", "gzip"), ("x-a", "1")],
        b"",
    )


def test_equal_compressed_gets_have_equal_urls() -> None:
    urls = {
        client(http_method="GET", send_compression=Gzip())[0].request(LONG).url for _ in range(3)
    }
    assert len(urls) == 1
    assert "compression=gzip" in urls.pop()


def test_a_get_whose_url_is_too_long_becomes_a_post() -> None:
    request = client(http_method="GET")[0].request(LONG)
    assert (request.method, request.url) == ("POST", URL)


def get_url(length: int) -> tuple[str, int]:
    """Return the method and the length of the URL for a message of that many letters."""
    request = client(http_method="GET", codec=JsonCodec())[0].request(
        StringValue(value="a" * length)
    )
    return request.method, len(request.url)


def test_a_get_with_the_longest_url_stays_a_get() -> None:
    spare = MAX_URL_LENGTH - get_url(0)[1]
    assert get_url(spare) == ("GET", MAX_URL_LENGTH)
    assert get_url(spare + 1) == ("POST", len(URL))


def test_a_call_decodes_the_body_of_a_success() -> None:
    call, context = client()
    headers = [PROTO_TYPE, (b"x-a", b"1"), (b"Trailer-X-B", b"2"), (b"trailer-x-b", b"3")]
    assert call.response(200, headers, HELLO_BYTES) == HELLO
    assert context.response_headers["x-a"] == "1"
    assert "trailer-x-b" not in context.response_headers
    assert context.response_trailers.get_all("x-b") == ["2", "3"]


def test_a_call_decompresses_the_response() -> None:
    headers = [PROTO_TYPE, (b"content-encoding", b"gzip")]
    assert client()[0].response(200, headers, Gzip().compress(HELLO_BYTES)) == HELLO


def test_a_response_beyond_the_limit_is_refused() -> None:
    error = failed(200, [PROTO_TYPE], HELLO_BYTES, read_max_bytes=6)
    assert error.code is Code.RESOURCE_EXHAUSTED


def test_an_option_sets_the_read_limit() -> None:
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
def test_an_unexpected_content_type_or_compression_is_an_error(
    headers: list[tuple[bytes, bytes]], code: Code
) -> None:
    assert failed(200, headers, b"").code is code


def test_a_content_type_may_have_parameters() -> None:
    headers = [(b"content-type", b"Application/JSON; charset=utf-8")]
    assert client(codec=JsonCodec())[0].response(200, headers, b'"hello"') == HELLO


@pytest.mark.parametrize("body", [b"\x0a\xff", b"\x07"])
def test_a_malformed_response_is_internal(body: bytes) -> None:
    assert failed(200, [PROTO_TYPE], body).code is Code.INTERNAL


@pytest.mark.parametrize("body", [b"plain", b"\x1f\x8b"])
def test_a_response_that_cannot_be_decompressed_is_internal(body: bytes) -> None:
    assert failed(200, [PROTO_TYPE, (b"content-encoding", b"gzip")], body).code is Code.INTERNAL


def test_a_call_raises_the_error_of_the_server() -> None:
    body = b'{"code":"aborted","message":"again","details":[{"type":"a.B","value":"YQ"}]}'
    error = failed(409, [JSON_TYPE, (b"x-a", b"1"), (b"trailer-x-b", b"2")], body)
    assert (error.code, error.message, len(error.details)) == (Code.ABORTED, "again", 1)
    assert (error.metadata["x-a"], error.metadata["x-b"]) == ("1", "2")


def test_a_call_decompresses_an_error() -> None:
    body = Gzip().compress(b'{"code":"aborted"}')
    assert failed(409, [JSON_TYPE, (b"content-encoding", b"gzip")], body).code is Code.ABORTED


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 200_000, b"{}", b'{"code":7}', b"[]"])
def test_an_error_without_a_code_has_the_code_of_its_http_status(body: bytes) -> None:
    assert failed(503, [JSON_TYPE], body).code is Code.UNAVAILABLE


def test_the_page_of_a_proxy_has_the_code_of_its_http_status() -> None:
    error = failed(502, [(b"content-type", b"text/html")], b"<html>")
    assert str(error) == "unavailable: HTTP status 502"


def test_the_page_of_a_proxy_may_have_an_unknown_compression() -> None:
    headers = [(b"content-type", b"text/html"), (b"content-encoding", b"deflate")]
    assert failed(503, headers, b"\x78\x9c").code is Code.UNAVAILABLE


def test_an_error_in_a_compression_that_was_not_offered_is_internal() -> None:
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
def test_any_response_is_a_message_or_a_connect_error(status: int, headers, body: bytes) -> None:
    try:
        message = client()[0].response(status, headers, body)
    except ConnectError:
        return
    assert isinstance(message, StringValue)


def test_a_message_that_cannot_be_encoded_raises_the_error_of_its_codec() -> None:
    method = Method(
        service="acme.v1.S", name="M", kind=MethodKind.UNARY, request=Struct, response=Struct
    )
    client_options = ClientOptions(codec=JsonCodec(), accept_compression=Compressions([]))
    binding = client_protocol("connect").unary_client(method, "http://h", client_options)
    message = Struct()
    message["x"] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        binding.call(RequestContext(method, "connect", "POST", Headers())).request(message)
