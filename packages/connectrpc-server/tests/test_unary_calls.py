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


def test_proto(shell):
    response = shell.unary("hi")
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
def test_json(shell, make_request, content_type):
    request = make_request(headers=[("content-type", content_type)], body=b'"hi"')
    response = shell.call(shell.application(), request)
    assert response.status == 200
    assert response.header("content-type") == "application/json"
    assert response.body == b'"hi"'


def test_body_in_pieces(shell, make_request):
    body = StringValue(value="hello").SerializeToString()
    request = make_request(headers=[PROTO], chunks=[body[:2], b"", body[2:]])
    assert text_of(shell.call(shell.application(), request)) == "hello"


def test_context(shell):
    response = shell.unary("context", ("x-in", "value"))
    assert text_of(response) == "connect POST Unary 127.0.0.1:5000 value"


@pytest.mark.parametrize(
    ("port", "peer"), [("80", "::1:80"), (80, "::1:80"), ("unknown", "::1:0"), (None, "::1:0")]
)
def test_peer_of_a_wsgi_server(wsgi_application, make_shell, port, peer):
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/test.v1.Echo/Unary",
        "QUERY_STRING": "encoding=json&message=%22context%22",
        "REMOTE_ADDR": "::1",
        "REMOTE_PORT": port,
        "wsgi.input": io.BytesIO(),
    }
    app = wsgi_application(make_shell("wsgi").service)
    (body,) = app(environ, lambda *_: None)
    assert json.loads(body) == f"connect GET Unary [{peer[:3]}]{peer[3:]} None"


def test_headers_and_trailers(shell):
    response = shell.unary("metadata")
    assert response.header("x-header") == "h"
    assert response.header("trailer-x-trailer") == "t"


def test_error_with_details_and_metadata(shell):
    response = shell.unary("fail:not_found")
    assert response.status == 404
    assert response.header("x-error") == "metadata"
    value = base64.b64encode(Int64Value(value=7).SerializeToString()).rstrip(b"=").decode()
    assert error_of(response) == {
        "code": "not_found",
        "message": "as asked",
        "details": [{"type": "google.protobuf.Int64Value", "value": value}],
    }


def test_unexpected_exception_stays_on_the_server(shell, caplog):
    response = shell.unary("crash")
    assert response.status == 500
    assert error_of(response) == {"code": "internal", "message": "internal error"}
    (record,) = caplog.records
    assert record.name == "connectrpc_server"
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert "secret-db-password" in str(record.exc_info[1])


def test_response_of_a_wrong_type(shell, caplog):
    assert shell.unary("wrong").status == 500
    assert "expected a message of type google.protobuf.StringValue" in caplog.text


def test_unexpected_exception_exposed_on_request(shell):
    response = shell.unary("crash", expose_errors=True)
    assert error_of(response)["message"] == "RuntimeError: secret-db-password"


def test_unknown_path(shell, make_request):
    for path in ("/test.v1.Echo/Nope", "/", "", "/test.v1.Echo", "/test.v1.Echo/Unary/"):
        response = shell.call(shell.application(), make_request(path, headers=[PROTO]))
        assert response.status == 404


@pytest.mark.parametrize(
    ("name", "method", "allow"),
    [("Unary", "PUT", "GET, POST"), ("Write", "GET", "POST"), ("Bidi", "GET", "POST")],
)
def test_wrong_method(shell, make_request, name, method, allow):
    request = make_request(f"/test.v1.Echo/{name}", method)
    response = shell.call(shell.application(), request)
    assert response.status == 405
    assert response.header("allow") == allow


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=latin-1", ""])
def test_wrong_content_type(shell, make_request, content_type):
    request = make_request(headers=[("content-type", content_type)], body=b"")
    response = shell.call(shell.application(), request)
    assert response.status == 415
    accepted = response.header("accept-post").split(", ")
    assert accepted[:2] == ["application/proto", "application/json"]
    for each in accepted:
        retry = make_request(headers=[("content-type", each)], body=b'""' if "j" in each else b"")
        assert shell.call(shell.application(), retry).status == 200


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
def test_bad_request(shell, make_request, headers, body):
    response = shell.call(shell.application(), make_request(headers=headers, body=body))
    assert response.status == 400
    assert error_of(response)["code"] == "invalid_argument"


def test_unknown_compression(shell):
    response = shell.unary("hi", ("content-encoding", "lzma"), compressions=["gzip"])
    assert response.status == 501
    error = error_of(response)
    assert error["code"] == "unimplemented"
    assert "'lzma'; supported: gzip, identity" in error["message"]


def test_required_protocol_header(shell):
    response = shell.unary(require_connect_protocol_header=True)
    assert error_of(response)["code"] == "invalid_argument"
    version = ("connect-protocol-version", "1")
    assert text_of(shell.unary("hi", version, require_connect_protocol_header=True)) == "hi"


@pytest.mark.parametrize("compression", ["gzip", "br", "zstd"])
def test_compression_both_ways(shell, make_request, compression):
    from connectrpc_protocol import resolve_compression

    codec = resolve_compression(compression)
    message = StringValue(value="a" * 5000).SerializeToString()
    headers = [PROTO, ("content-encoding", compression), ("accept-encoding", compression)]
    request = make_request(headers=headers, body=codec.compress(message))
    response = shell.call(shell.application(), request)
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
def test_accept_encoding(shell, accepted, expected):
    response = shell.unary("a" * 5000, ("accept-encoding", accepted))
    assert response.header("content-encoding") == expected


def test_small_messages_are_not_compressed(shell):
    assert shell.unary("hi", ("accept-encoding", "gzip")).header("content-encoding") is None


class TestLimits:
    def test_declared_length(self, shell):
        response = shell.unary("a" * 200, read_max_bytes=100)
        assert response.status == 429
        assert error_of(response)["code"] == "resource_exhausted"

    def test_undeclared_length(self, shell, make_request):
        request = make_request(headers=[PROTO], chunks=[b"a" * 60, b"a" * 60, b"a" * 60])
        response = shell.call(shell.application(read_max_bytes=100), request)
        assert error_of(response)["code"] == "resource_exhausted"

    def test_after_decompression(self, shell, make_request):
        headers = [PROTO, ("content-encoding", "gzip")]
        body = gzip.compress(b"a" * 100_000)
        request = make_request(headers=headers, body=body)
        response = shell.call(shell.application(read_max_bytes=1000), request)
        assert error_of(response)["code"] == "resource_exhausted"

    def test_default_is_four_mebibytes(self, shell):
        assert shell.unary("a" * (4 * 1024 * 1024)).status == 429
        assert shell.unary("a" * (4 * 1024 * 1024), read_max_bytes=None).status == 200

    def test_send_limit(self, shell):
        response = shell.unary("a" * 200, send_max_bytes=100)
        assert error_of(response)["code"] == "resource_exhausted"

    @pytest.mark.parametrize("option", ["read_max_bytes", "send_max_bytes", "default_timeout_ms"])
    def test_negative_number(self, shell, option):
        with pytest.raises(ValueError, match=f"{option} must not be negative"):
            shell.application(**{option: -1})


class TestGet:
    def call(self, shell, make_request, query, **options):
        return shell.call(shell.application(**options), make_request(method="GET", query=query))

    def test_json(self, shell, make_request):
        response = self.call(shell, make_request, "connect=v1&encoding=json&message=%22hi%22")
        assert response.body == b'"hi"'

    def test_base64(self, shell, make_request):
        message = base64.urlsafe_b64encode(StringValue(value="hi").SerializeToString()).decode()
        for padded in (message, message.rstrip("=")):
            query = f"encoding=proto&base64=1&message={padded}"
            assert text_of(self.call(shell, make_request, query)) == "hi"

    def test_compressed(self, shell, make_request):
        data = gzip.compress(StringValue(value="hi").SerializeToString())
        message = base64.urlsafe_b64encode(data).decode()
        query = f"encoding=proto&base64=1&compression=gzip&message={message}"
        assert text_of(self.call(shell, make_request, query)) == "hi"

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
    def test_bad_request(self, shell, make_request, query):
        response = self.call(shell, make_request, query)
        assert response.status == 400
        assert error_of(response)["code"] == "invalid_argument"

    def test_unknown_encoding(self, shell, make_request):
        assert self.call(shell, make_request, "encoding=xml&message=hi").status == 415

    def test_unknown_compression(self, shell, make_request):
        query = "encoding=json&compression=lzma&message=%22hi%22"
        assert error_of(self.call(shell, make_request, query))["code"] == "unimplemented"

    def test_limit(self, shell, make_request):
        query = f"encoding=json&message=%22{'a' * 200}%22"
        response = self.call(shell, make_request, query, read_max_bytes=100)
        assert error_of(response)["code"] == "resource_exhausted"


def test_both_interfaces_send_the_same_bytes(make_shell, make_request):
    asgi, wsgi = make_shell("asgi"), make_shell("wsgi")
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
