"""Calls over WSGI that end early: by deadlines, and when the server closes the response."""

import io
import json
import logging
import time

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_server import AccessLog, Code

MESSAGE = StringValue(value="a").SerializeToString()
ENVELOPE = b"\0\0\0\0" + bytes([len(MESSAGE)]) + MESSAGE


def wait_until_passed(ctx):
    while ctx.timeout_ms:
        time.sleep(ctx.timeout_ms / 1000)


class Late:
    """Sync handlers that return after the deadline."""

    def unary(self, request, ctx):
        wait_until_passed(ctx)
        return request

    def client(self, requests, ctx):
        wait_until_passed(ctx)
        return next(requests)

    def server(self, request, ctx):
        yield request
        wait_until_passed(ctx)
        yield request

    bidi = server


def test_a_handler_that_returns_past_the_deadline_is_deadline_exceeded(
    wsgi_application, make_host, make_request
):
    host = make_host("wsgi")
    host.service = Late()
    app = wsgi_application(Late(), default_timeout_ms=20)
    headers = [("content-type", "application/proto")]
    assert host.call(app, make_request(headers=headers, body=MESSAGE)).status == 504
    for name, messages in (("Client", 0), ("Server", 1)):
        response = host.stream(name, ["a"], default_timeout_ms=20)
        assert len(response.envelopes) == messages + 1
        assert json.loads(response.envelopes[-1][1])["error"]["code"] == "deadline_exceeded"


def test_a_handler_is_not_called_past_the_deadline(make_host):
    host = make_host("wsgi")
    seen = []
    host.service.unary = lambda request, ctx: seen.append(request)
    assert host.unary("hi", ("connect-timeout-ms", "0")).status == 504
    assert seen == []


def stream_environ(name):
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/test.v1.Echo/{name}",
        "CONTENT_TYPE": "application/connect+proto",
        "CONTENT_LENGTH": str(len(ENVELOPE)),
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "unknown",
        "wsgi.input": io.BytesIO(ENVELOPE),
    }


def test_a_stream_that_the_server_closes_is_cancelled(wsgi_application, make_host):
    class Ends:
        def on_start_sync(self, ctx):
            return None

        def on_end_sync(self, token, ctx, error):
            self.error = error

    ends, service = Ends(), make_host("wsgi").service
    app = wsgi_application(service, interceptors=[ends])
    response = app(stream_environ("Server"), lambda *_: None)
    next(iter(response))
    response.close()
    assert service.closed == ["server"]
    assert ends.error.code is Code.CANCELED


def test_an_exception_of_a_stream_that_the_server_closes_is_logged(wsgi_application, caplog):
    class Broken:
        def unary(self, request, ctx): ...

        client = bidi = unary

        def server(self, request, ctx):
            try:
                yield request
            finally:
                raise RuntimeError("secret-db-password")

    response = wsgi_application(Broken())(stream_environ("Server"), lambda *_: None)
    next(iter(response))
    response.close()
    assert "secret-db-password" in caplog.text


@pytest.mark.parametrize("name", ["Server", "Bidi"])
def test_a_stream_that_the_server_closes_is_in_the_access_log_once(
    wsgi_application, make_host, caplog, name
):
    caplog.set_level(logging.INFO, "connectrpc_server.access")
    app = wsgi_application(make_host("wsgi").service, interceptors=[AccessLog()])
    response = app(stream_environ(name), lambda *_: None)
    next(iter(response))
    response.close()
    (record,) = caplog.records
    # The server closes the response while its first message is being sent.
    assert (record.rpc_code, record.rpc_received, record.rpc_sent) == ("canceled", 1, 0)
    assert record.rpc_peer == "127.0.0.1:0"


@pytest.mark.parametrize(
    ("name", "received", "sent"), [("Unary", 1, 0), ("Client", 0, 0), ("Server", 1, 1)]
)
def test_a_call_past_its_deadline_is_in_the_access_log_once(
    make_host, caplog, name, received, sent
):
    caplog.set_level(logging.INFO, "connectrpc_server.access")
    host = make_host("wsgi")
    host.service = Late()
    options = {"default_timeout_ms": 20, "interceptors": [AccessLog()]}
    if name == "Unary":
        host.unary(**options)
    else:
        host.stream(name, ["a"], **options)
    (record,) = caplog.records
    assert (record.rpc_code, record.rpc_received, record.rpc_sent) == (
        "deadline_exceeded",
        received,
        sent,
    )


def test_a_disconnect_inside_the_request_is_in_the_access_log_once(
    wsgi_application, make_host, caplog
):
    class Gone(io.BytesIO):
        def read(self, size=-1):
            raise ConnectionResetError("the client is gone")

    caplog.set_level(logging.INFO, "connectrpc_server.access")
    app = wsgi_application(make_host("wsgi").service, interceptors=[AccessLog()])
    environ = stream_environ("Bidi") | {"wsgi.input": Gone()}
    b"".join(app(environ, lambda *_: None))
    (record,) = caplog.records
    assert (record.rpc_code, record.rpc_received, record.rpc_sent) == ("canceled", 0, 0)
