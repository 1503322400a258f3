"""Calls that end with HTTP trailers, over WSGI."""

import io
import logging
from urllib.parse import unquote

import pytest

from connectrpc_server._errors import _log_once

OK = ("grpc-status", "0")


class Server:
    """A server that records the steps of the application, in order."""

    def __init__(self, *, has_trailers=True):
        self.done = []
        self.extensions = {}
        if has_trailers:
            self.extensions["wsgi.ext.http.send_trailers"] = self.send_trailers

    def send_trailers(self, trailers):
        self.done.append(("trailers", trailers))

    def start_response(self, status, headers):
        self.done.append(("start", status, dict(headers)))

    def serve(self, app, name, body):
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/test.v1.Echo/{name}",
            "SERVER_PROTOCOL": "HTTP/2",
            "CONTENT_TYPE": "application/grpc",
            "HTTP_TE": "trailers",
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
            **self.extensions,
        }
        response = app(environ, self.start_response)
        self.done.append("returned")
        for data in response:
            if data:
                self.done.append(("body", data))
        return self.done


@pytest.fixture
def wsgi(make_host):
    return make_host("wsgi")


@pytest.mark.parametrize("name", ["Unary", "Client", "Server", "Bidi"])
def test_trailers_follow_the_body(wsgi, name):
    start, returned, body, trailers = Server().serve(wsgi.application(), name, wsgi.envelope("a"))
    assert start[:2] == ("start", "200 OK")
    # Granian takes the status and the headers before it iterates over the body.
    assert returned == "returned"
    assert body == ("body", wsgi.envelope("a"))
    assert trailers == ("trailers", [OK])


def test_a_handler_sets_trailers(wsgi):
    *_, trailers = Server().serve(wsgi.application(), "Unary", wsgi.envelope("metadata"))
    assert trailers == ("trailers", [OK, ("x-trailer", "t")])


def test_a_stream_without_messages_ends_with_trailers(wsgi):
    start, *_, trailers = Server().serve(wsgi.application(), "Bidi", b"")
    assert start[:2] == ("start", "200 OK")
    assert trailers == ("trailers", [OK])


@pytest.mark.parametrize("name", ["Unary", "Client", "Server", "Bidi"])
def test_a_call_that_fails_before_its_head_ends_with_trailers(wsgi, name):
    start, returned, trailers = Server().serve(
        wsgi.application(), name, wsgi.envelope("fail:aborted")
    )
    assert start[:2] == ("start", "200 OK")
    assert returned == "returned"
    assert ("grpc-status", "10") in trailers[1]
    assert ("x-error", "metadata") in trailers[1]


def test_trailers_of_a_refusal_become_headers_on_a_server_without_trailers(wsgi):
    server = Server(has_trailers=False)
    server.extensions["HTTP_GRPC_ENCODING"] = "lzma"
    start, _ = server.serve(wsgi.application(), "Unary", wsgi.envelope("a"))
    assert unquote(start[2]["grpc-message"]).startswith("unknown compression")


def test_a_stream_that_fails_after_its_head_ends_with_trailers(wsgi):
    body = wsgi.envelope("a") + wsgi.envelope("fail:aborted")
    start, _, message, trailers = Server().serve(wsgi.application(), "Bidi", body)
    assert "grpc-status" not in start[2]
    assert message == ("body", wsgi.envelope("a"))
    assert ("grpc-status", "10") in trailers[1]


@pytest.mark.parametrize("name", ["Unary", "Client", "Server", "Bidi"])
def test_a_server_without_trailers_refuses_the_call_and_logs_once(wsgi, name, caplog):
    _log_once.cache_clear()
    for _ in range(3):
        server = Server(has_trailers=False)
        start, returned = server.serve(wsgi.application(), name, wsgi.envelope("a"))
        assert start[:2] == ("start", "200 OK")
        assert start[2]["grpc-status"] == "12"
        assert unquote(start[2]["grpc-message"]) == (
            "grpc needs HTTP trailers, which this server does not send over HTTP/2: use Connect or "
            "gRPC-Web, or HTTP/2 on pyvoy"
        )
        assert returned == "returned"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.startswith("test.v1.Echo: grpc needs HTTP trailers")


@pytest.mark.parametrize(
    ("protocol", "text"),
    [("HTTP/1.0", "over HTTP/1.1:"), ("HTTP/1.1", "over HTTP/1.1:"), ("HTTP/2.0", "over HTTP/2:")],
)
def test_the_error_names_the_version_of_http(wsgi, protocol, text):
    server = Server(has_trailers=False)
    server.extensions["SERVER_PROTOCOL"] = protocol
    (start, *_) = server.serve(wsgi.application(), "Unary", wsgi.envelope("a"))
    assert text in unquote(start[2]["grpc-message"])
