"""Unary calls on the server.

Source: Connect protocol reference, "Unary (Request-Response) RPCs".
"""

import base64
import json
from collections.abc import Mapping

import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import (
    Code,
    ConnectError,
    Gzip,
    Headers,
    IdempotencyLevel,
    MethodKind,
)
from connectrpc_protocol.call import UnaryServerCall
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.options import server_compressions
from connectrpc_protocol.server import unary_server_method

from ..helpers import HELLO, HELLO_BYTES, LONG, echo_method, server_options

METHOD = echo_method(MethodKind.UNARY, IdempotencyLevel.NO_SIDE_EFFECTS)
Call = UnaryServerCall[StringValue, StringValue]


def accept(
    headers: Mapping[str, str] | None = None,
    query: bytes | None = None,
    content_type: str = "application/proto",
    **options: object,
) -> Call | HttpResponse:
    served = unary_server_method(METHOD, server_options(**options))
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


def error_of(response: object) -> tuple[int, dict[str, object]]:
    assert isinstance(response, HttpResponse)
    assert dict(response.headers)[b"content-type"] == b"application/json"
    assert dict(response.headers)[b"content-length"] == b"%d" % len(response.body)
    return response.status, json.loads(response.body)


def test_a_call_decodes_its_body_as_the_request() -> None:
    assert accepted().request(HELLO_BYTES) == HELLO


def test_an_empty_body_is_an_empty_message() -> None:
    assert accepted().request(b"") == StringValue()


@pytest.mark.parametrize("compression", server_compressions(None).names)
def test_a_call_decompresses_its_body(compression: str) -> None:
    one = server_compressions(None).get(compression)
    assert one is not None
    call = accepted({"content-encoding": compression})
    assert call.request(one.compress(HELLO_BYTES)) == HELLO


@pytest.mark.parametrize("compression", server_compressions(None).names)
def test_an_empty_body_is_not_decompressed(compression: str) -> None:
    assert accepted({"content-encoding": compression}).request(b"") == StringValue()


def test_a_post_has_a_body_and_a_read_limit() -> None:
    call = accepted(read_max_bytes=7)
    assert (call.has_body, call.read_limit) == (True, 7)
    assert call.prefixes() is None
    assert str(call.too_large()) == "resource_exhausted: message exceeds the limit of 7 bytes"


def test_a_get_has_its_message_in_the_query() -> None:
    query = b"connect=v1&encoding=json&message=%22hello%22"
    call = accepted(query=query)
    assert (call.has_body, call.request(b"")) == (False, HELLO)


def test_a_get_decompresses_its_message() -> None:
    query = b"encoding=proto&base64=1&compression=gzip&message="
    call = accepted(query=query + base64.urlsafe_b64encode(Gzip().compress(HELLO_BYTES)))
    assert call.request(b"") == HELLO


@pytest.mark.parametrize("limit", [None, 7])
def test_a_message_as_long_as_the_limit_passes(limit: int | None) -> None:
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


def test_a_malformed_body_is_an_invalid_argument() -> None:
    with pytest.raises(ConnectError, match=r"decode google.protobuf.StringValue from proto") as got:
        accepted().request(b"\x0a\xff")
    assert got.value.code is Code.INVALID_ARGUMENT


def test_a_body_that_cannot_be_decompressed_is_an_invalid_argument() -> None:
    with pytest.raises(ConnectError, match="cannot decompress with gzip") as got:
        accepted({"content-encoding": "gzip"}).request(b"plain")
    assert got.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("content_type", ["application/proto", "application/json"])
def test_a_response_has_its_length_and_the_content_type_of_the_request(content_type: str) -> None:
    response = respond(accepted(content_type=content_type), HELLO)
    assert (response.status, response.trailers) == (200, None)
    assert dict(response.headers) == {
        b"content-type": content_type.encode(),
        b"content-length": b"%d" % len(response.body),
    }


def test_metadata_is_sent_as_headers_and_prefixed_trailers() -> None:
    call = accepted()
    call.context.response_headers.add("x-a", "1")
    call.context.response_headers.add("x-a", "2")
    call.context.response_trailers.add("x-b", "3")
    headers = respond(call, HELLO).headers
    assert list(headers) == [
        (b"content-type", b"application/proto"),
        (b"content-length", b"7"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"trailer-x-b", b"3"),
    ]


def test_a_long_response_is_compressed_as_the_client_prefers() -> None:
    response = respond(accepted({"accept-encoding": "br;q=0.5, gzip"}), LONG)
    headers = dict(response.headers)
    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"content-length"] == b"%d" % len(response.body)
    assert Gzip().decompress(response.body, None) == LONG.SerializeToString()


@pytest.mark.parametrize("accept_encoding", [None, "", "identity", "deflate", "gzip;q=0"])
def test_a_long_response_is_not_compressed_for_a_client_without_compression(
    accept_encoding: str | None,
) -> None:
    headers = {} if accept_encoding is None else {"accept-encoding": accept_encoding}
    response = respond(accepted(headers), LONG)
    assert response.body == LONG.SerializeToString()
    assert b"content-encoding" not in dict(response.headers)


def test_a_short_response_is_not_compressed() -> None:
    response = respond(accepted({"accept-encoding": "gzip"}), HELLO)
    assert response.body == HELLO_BYTES


def test_an_option_sets_the_length_of_responses_to_compress() -> None:
    response = respond(accepted({"accept-encoding": "gzip"}, compress_min_bytes=7), HELLO)
    assert dict(response.headers)[b"content-encoding"] == b"gzip"


def test_a_long_response_to_a_get_varies_by_accept_encoding() -> None:
    response = respond(accepted(query=b"encoding=proto&message="), LONG)
    assert dict(response.headers)[b"vary"] == b"accept-encoding"


def test_a_response_beyond_the_send_limit_is_an_error() -> None:
    with pytest.raises(ConnectError, match="7 bytes exceeds the send limit of 6 bytes") as caught:
        respond(accepted(send_max_bytes=6), HELLO)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED


def test_a_response_of_another_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"type google\.protobuf\.StringValue, got Struct"):
        accepted().encode(Struct())


@pytest.mark.parametrize("code", Code)
def test_a_failure_has_the_http_status_of_its_code(code: Code) -> None:
    status, value = error_of(accepted().failure(ConnectError(code, "text")))
    assert (status, value) == (code.http_status, {"code": code.value, "message": "text"})


def test_a_failure_carries_the_metadata_of_the_call_and_of_the_error() -> None:
    call = accepted()
    call.context.response_headers["x-a"] = "1"
    call.context.response_trailers["x-b"] = "2"
    received = Headers({"x-c": ["3", "4"], "content-type": "text/html"})
    error = ConnectError(Code.ABORTED, metadata=received)
    assert list(call.failure(error).headers)[2:] == [
        (b"x-a", b"1"),
        (b"x-c", b"3"),
        (b"x-c", b"4"),
        (b"trailer-x-b", b"2"),
    ]


def test_a_failure_hides_the_text_of_an_unexpected_exception() -> None:
    response = accepted().failure(ValueError("secret"))
    assert error_of(response) == (500, {"code": "internal", "message": "internal error"})


def test_an_option_exposes_the_text_of_an_unexpected_exception() -> None:
    response = accepted(expose_errors=True).failure(ValueError("bug"))
    assert error_of(response) == (500, {"code": "internal", "message": "ValueError: bug"})


def test_a_long_failure_is_compressed() -> None:
    error = ConnectError(Code.ABORTED, "again " * 1000)
    response = accepted({"accept-encoding": "gzip"}).failure(error)
    assert json.loads(Gzip().decompress(response.body, None))["code"] == "aborted"


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
def test_a_post_with_an_invalid_header_is_an_error(
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
def test_a_get_with_an_invalid_query_is_an_error(query: bytes, code: str, text: str) -> None:
    status, value = error_of(accept(query=query))
    assert (status, value["code"]) == (Code(code).http_status, code)
    assert text in str(value["message"])


def test_a_get_in_an_unknown_codec_is_an_unsupported_media_type() -> None:
    response = accept(query=b"encoding=xml&message=")
    assert isinstance(response, HttpResponse)
    assert (response.status, response.body) == (
        415,
        b"unsupported encoding; supported: proto, json\n",
    )


@pytest.mark.parametrize("query", [None, b"encoding=proto&message="])
def test_a_call_without_a_version_is_refused_if_one_is_required(query: bytes | None) -> None:
    response = accept(query=query, require_connect_protocol_header=True)
    status, value = error_of(response)
    assert (status, value["code"]) == (400, "invalid_argument")


def test_a_call_with_the_version_passes_if_it_is_required() -> None:
    headers = {"connect-protocol-version": "1"}
    assert accepted(headers, require_connect_protocol_header=True).request(b"") == StringValue()


def test_the_timeout_of_the_client_sets_the_deadline_of_the_call() -> None:
    timeout_ms = accepted({"connect-timeout-ms": "100000"}).context.timeout_ms
    assert timeout_ms is not None
    assert 50_000 < timeout_ms <= 100_000
