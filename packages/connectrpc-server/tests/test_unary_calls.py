"""Unary calls, over ASGI and WSGI."""

import base64
import gzip
import io
import json
import logging

import pytest
from google.protobuf.wrappers_pb2 import Int64Value, StringValue

JSON = ("content-type", "application/json")
PROTO = ("content-type", "application/proto")


def text_of(response):
    assert response.status == 200, response
    return StringValue.FromString(response.body).value


def error_of(response):
    assert response.header("content-type") == "application/json"
    return json.loads(response.body)


def test_messages_may_be_binary_protobuf(host):
    response = host.unary("hi")
    assert text_of(response) == "hi"
    assert response.headers == [
        ("content-type", "application/proto"),
        ("content-length", str(len(response.body))),
    ]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/json; version=1",
    ],
)
def test_json(host, make_request, content_type):
    request = make_request(headers=[("content-type", content_type)], body=b'"hi"')
    response = host.call(host.application(), request)
    assert response.status == 200
    assert response.header("content-type") == "application/json"
    assert response.body == b'"hi"'


def test_a_body_may_arrive_in_pieces(host, make_request):
    body = StringValue(value="hello").SerializeToString()
    request = make_request(headers=[PROTO], chunks=[body[:2], b"", body[2:]])
    assert text_of(host.call(host.application(), request)) == "hello"


def test_a_handler_gets_the_context_of_the_call(host):
    response = host.unary("context", ("x-in", "value"))
    assert text_of(response) == "connect POST Unary 127.0.0.1:5000 value"


@pytest.mark.parametrize(
    ("port", "peer"), [("80", "::1:80"), (80, "::1:80"), ("unknown", "::1:0"), (None, "::1:0")]
)
def test_a_wsgi_server_gives_the_port_of_the_peer_as_text_or_number(
    wsgi_application, make_host, port, peer
):
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/test.v1.Echo/Unary",
        "QUERY_STRING": "encoding=json&message=%22context%22",
        "REMOTE_ADDR": "::1",
        "REMOTE_PORT": port,
        "wsgi.input": io.BytesIO(),
    }
    app = wsgi_application(make_host("wsgi").service)
    (body,) = app(environ, lambda *_: None)
    assert json.loads(body) == f"connect GET Unary [{peer[:3]}]{peer[3:]} None"


def test_a_handler_sets_headers_and_trailers(host):
    response = host.unary("metadata")
    assert response.header("x-header") == "h"
    assert response.header("trailer-x-trailer") == "t"


def test_an_error_has_details_and_metadata(host):
    response = host.unary("fail:not_found")
    assert response.status == 404
    assert response.header("x-error") == "metadata"
    value = base64.b64encode(Int64Value(value=7).SerializeToString()).rstrip(b"=").decode()
    assert error_of(response) == {
        "code": "not_found",
        "message": "as asked",
        "details": [{"type": "google.protobuf.Int64Value", "value": value}],
    }


def test_an_unexpected_exception_is_logged_and_hidden(host, caplog):
    response = host.unary("crash")
    assert response.status == 500
    assert error_of(response) == {"code": "internal", "message": "internal error"}
    (record,) = caplog.records
    assert record.name == "connectrpc_server"
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert "secret-db-password" in str(record.exc_info[1])
    assert record.getMessage() == "unexpected exception in test.v1.Echo/Unary"


def test_the_record_of_an_unexpected_exception_names_the_call(host, caplog):
    host.unary("crash")
    (record,) = caplog.records
    assert record.rpc_method == "test.v1.Echo/Unary"
    assert record.rpc_protocol == "connect"
    assert record.rpc_peer == "127.0.0.1:5000"


def test_a_response_of_another_type_is_an_internal_error(host, caplog):
    assert host.unary("wrong").status == 500
    assert "expected a message of type google.protobuf.StringValue" in caplog.text


def test_an_option_exposes_the_text_of_an_unexpected_exception(host):
    response = host.unary("crash", expose_errors=True)
    assert error_of(response)["message"] == "RuntimeError: secret-db-password"


def test_an_unknown_path_is_not_found(host, make_request):
    for path in ("/test.v1.Echo/Nope", "/", "", "/test.v1.Echo", "/test.v1.Echo/Unary/"):
        response = host.call(host.application(), make_request(path, headers=[PROTO]))
        assert response.status == 404


@pytest.mark.parametrize(
    ("name", "method", "allow"),
    [("Unary", "PUT", "GET, POST"), ("Write", "GET", "POST"), ("Bidi", "GET", "POST")],
)
def test_another_http_method_is_not_allowed(host, make_request, name, method, allow):
    request = make_request(f"/test.v1.Echo/{name}", method)
    response = host.call(host.application(), request)
    assert response.status == 405
    assert response.header("allow") == allow


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=latin-1", ""])
def test_an_unsupported_content_type_is_refused_with_the_supported_ones(
    host, make_request, content_type
):
    request = make_request(headers=[("content-type", content_type)], body=b"")
    response = host.call(host.application(), request)
    assert response.status == 415
    accepted = response.header("accept-post").split(", ")
    assert accepted[:2] == ["application/proto", "application/json"]
    for each in accepted:
        retry = make_request(headers=[("content-type", each)], body=b'""' if "j" in each else b"")
        assert host.call(host.application(), retry).status == 200


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([PROTO], b"\xff\xff"),
        ([JSON], b"{"),
        ([JSON], b"\xff"),
        ([JSON], b"[" * 100_000),
        ([PROTO, ("content-encoding", "gzip")], b"no gzip"),
        ([PROTO, ("content-encoding", "gzip")], gzip.compress(b"\n\x02hi", mtime=0)[:-9]),
        ([PROTO, ("connect-timeout-ms", "soon")], b""),
        ([PROTO, ("connect-timeout-ms", "12345678901")], b""),
        ([PROTO, ("connect-protocol-version", "2")], b""),
    ],
)
def test_bad_request(host, make_request, headers, body):
    response = host.call(host.application(), make_request(headers=headers, body=body))
    assert response.status == 400
    assert error_of(response)["code"] == "invalid_argument"


def test_unknown_compression(host):
    response = host.unary("hi", ("content-encoding", "lzma"), compressions=["gzip"])
    assert response.status == 501
    error = error_of(response)
    assert error["code"] == "unimplemented"
    assert "'lzma'; supported: gzip, identity" in error["message"]


def test_an_option_requires_the_protocol_version(host):
    response = host.unary(require_connect_protocol_header=True)
    assert error_of(response)["code"] == "invalid_argument"
    version = ("connect-protocol-version", "1")
    assert text_of(host.unary("hi", version, require_connect_protocol_header=True)) == "hi"


@pytest.mark.parametrize("compression", ["gzip", "br", "zstd"])
def test_messages_are_compressed_in_both_directions(host, make_request, compression):
    from connectrpc_protocol import resolve_compression

    codec = resolve_compression(compression)
    message = StringValue(value="a" * 5000).SerializeToString()
    headers = [PROTO, ("content-encoding", compression), ("accept-encoding", compression)]
    request = make_request(headers=headers, body=codec.compress(message))
    response = host.call(host.application(), request)
    assert response.header("content-encoding") == compression
    assert len(response.body) < 200
    assert codec.decompress(response.body, None) == message


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip;q=0, br", "br"),
        ("gzip;q=0.5, zstd;q=0.8", "zstd"),
        ("identity", None),
        ("lzma, *", None),
        ("gzip;q=nonsense", None),
    ],
)
def test_accept_encoding_chooses_the_compression_of_the_response(host, accepted, expected):
    response = host.unary("a" * 5000, ("accept-encoding", accepted))
    assert response.header("content-encoding") == expected


def test_small_messages_are_not_compressed(host):
    assert host.unary("hi", ("accept-encoding", "gzip")).header("content-encoding") is None


class TestLimits:
    def test_a_body_whose_length_exceeds_the_limit_is_refused(self, host):
        response = host.unary("a" * 200, read_max_bytes=100)
        assert response.status == 429
        assert error_of(response)["code"] == "resource_exhausted"

    def test_a_body_of_unknown_length_is_refused_beyond_the_limit(self, host, make_request):
        request = make_request(headers=[PROTO], chunks=[b"a" * 60, b"a" * 60, b"a" * 60])
        response = host.call(host.application(read_max_bytes=100), request)
        assert error_of(response)["code"] == "resource_exhausted"

    def test_the_limit_holds_after_decompression(self, host, make_request):
        headers = [PROTO, ("content-encoding", "gzip")]
        body = gzip.compress(b"a" * 100_000)
        request = make_request(headers=headers, body=body)
        response = host.call(host.application(read_max_bytes=1000), request)
        assert error_of(response)["code"] == "resource_exhausted"

    def test_the_default_limit_is_four_mebibytes(self, host):
        assert host.unary("a" * (4 * 1024 * 1024)).status == 429
        assert host.unary("a" * (4 * 1024 * 1024), read_max_bytes=None).status == 200

    def test_a_response_beyond_the_send_limit_is_an_error(self, host):
        response = host.unary("a" * 200, send_max_bytes=100)
        assert error_of(response)["code"] == "resource_exhausted"

    @pytest.mark.parametrize("option", ["read_max_bytes", "send_max_bytes", "default_timeout_ms"])
    def test_a_negative_number_is_a_value_error(self, host, option):
        with pytest.raises(ValueError, match=f"{option} must not be negative"):
            host.application(**{option: -1})

    @pytest.mark.parametrize("option", ["default_timeout_ms", "max_timeout_ms"])
    @pytest.mark.parametrize("value", [0.5, True])
    def test_a_timeout_that_is_not_an_integer_is_a_type_error(self, host, option, value):
        with pytest.raises(TypeError, match=f"{option} must be an integer, in milliseconds, not s"):
            host.application(**{option: value})


class TestGet:
    def call(self, host, make_request, query, **options):
        return host.call(host.application(**options), make_request(method="GET", query=query))

    def test_json(self, host, make_request):
        response = self.call(host, make_request, "connect=v1&encoding=json&message=%22hi%22")
        assert response.body == b'"hi"'

    def test_base64(self, host, make_request):
        message = base64.urlsafe_b64encode(StringValue(value="hi").SerializeToString()).decode()
        for padded in (message, message.rstrip("=")):
            query = f"encoding=proto&base64=1&message={padded}"
            assert text_of(self.call(host, make_request, query)) == "hi"

    def test_compressed(self, host, make_request):
        data = gzip.compress(StringValue(value="hi").SerializeToString())
        message = base64.urlsafe_b64encode(data).decode()
        query = f"encoding=proto&base64=1&compression=gzip&message={message}"
        assert text_of(self.call(host, make_request, query)) == "hi"

    @pytest.mark.parametrize(
        "query",
        [
            "encoding=json",
            "message=%22hi%22",
            "encoding=proto&base64=1&message=!!!",
            "encoding=proto&base64=1&message=a",
            "encoding=proto&base64=2&message=",
            "connect=v2&encoding=json&message=%22hi%22",
            "encoding=json&message=%FF",
            "&".join(f"a{n}=1" for n in range(1000)),
        ],
    )
    def test_bad_request(self, host, make_request, query):
        response = self.call(host, make_request, query)
        assert response.status == 400
        assert error_of(response)["code"] == "invalid_argument"

    def test_unknown_encoding(self, host, make_request):
        assert self.call(host, make_request, "encoding=xml&message=hi").status == 415

    def test_unknown_compression(self, host, make_request):
        query = "encoding=json&compression=lzma&message=%22hi%22"
        assert error_of(self.call(host, make_request, query))["code"] == "unimplemented"

    def test_limit(self, host, make_request):
        query = f"encoding=json&message=%22{'a' * 200}%22"
        response = self.call(host, make_request, query, read_max_bytes=100)
        assert error_of(response)["code"] == "resource_exhausted"


def test_asgi_and_wsgi_applications_send_the_same_bytes(make_host, make_request):
    asgi, wsgi = make_host("asgi"), make_host("wsgi")
    stream = ("content-type", "application/connect+proto")
    requests = [
        make_request(headers=[PROTO], body=StringValue(value=text).SerializeToString())
        for text in ("hi", "crash", "metadata", "fail:aborted", "fail:canceled", "context")
    ]
    requests += [
        make_request(headers=headers, body=body)
        for headers in ([PROTO], [JSON], [("content-type", "text/plain")], [])
        for body in (b"", b"{", b"\xff", b"\n\x02hi", b'"\\ud800"')
    ]
    requests += [make_request(f"/test.v1.Echo/{name}") for name in ("Nope", "Write", "Bidi", "")]
    requests += [
        make_request(method=method, query=query)
        for method in ("GET", "HEAD", "DELETE")
        for query in ("", "encoding=json&message=%22hi%22", "encoding=%FF", "message=%00")
    ]
    requests += [
        make_request(f"/test.v1.Echo/{name}", headers=[stream], body=body)
        for name in ("Client", "Server", "Bidi")
        for body in (b"", b"\0", b"\1\0\0\0\0", b"\2\0\0\0\0", b"\0\xff\xff\xff\xff", b"\0\0\0\0\0")
    ]
    for request in requests:
        first = asgi.call(asgi.application(), request)
        second = wsgi.call(wsgi.application(), request)
        assert first == second, request
