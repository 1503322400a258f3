"""`AccessLog`: one line for each call, with its numbers of messages, in both interfaces."""

import json
import logging
import re

import pytest

from connectrpc_server import AccessLog, Code, ConnectError

KINDS = ["Unary", "Client", "Server", "Bidi"]
PROTOCOLS = {
    "connect": "application/connect+proto",
    "grpc": "application/grpc",
    "grpc-web": "application/grpc-web+proto",
}
FIELDS = ["method", "protocol", "code", "peer", "duration_ms", "received", "sent"]

each_kind = pytest.mark.parametrize("name", KINDS)
each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


@pytest.fixture
def log(caplog):
    """Return a function that returns the records of the access log."""
    caplog.set_level(logging.INFO, "connectrpc_server.access")
    return lambda: [each for each in caplog.records if each.name == "connectrpc_server.access"]


def values(record):
    return {field: getattr(record, f"rpc_{field}") for field in FIELDS}


def counts(record):
    return record.rpc_code, record.rpc_received, record.rpc_sent


def with_trailers(app, kind):
    """Return the application on a server that sends trailers; the trailers are dropped."""

    async def asgi(scope, receive, send):
        async def send_body(event):
            if event["type"] != "http.response.trailers":
                await send(event)

        extensions = {"http.response.trailers": {}}
        await app({**scope, "extensions": extensions}, receive, send_body)

    def wsgi(environ, start_response):
        environ["wsgi.ext.http.send_trailers"] = lambda trailers: None
        return app(environ, start_response)

    return asgi if kind == "asgi" else wsgi


@pytest.fixture
def call(host, make_request):
    """Return a function that calls a method, whose requests are texts, in any protocol."""

    def call(name, texts, protocol="connect", *headers, **options):
        content_type = PROTOCOLS[protocol]
        body = b"".join(host.envelope(text) for text in texts)
        if name == "Unary" and protocol == "connect":
            content_type, body = "application/proto", body[5:]
        options = {"interceptors": [AccessLog()]} | options
        app = with_trailers(host.application(**options), host.kind)
        headers = [("content-type", content_type), ("te", "trailers"), *headers]
        return host.call(app, make_request(f"/test.v1.Echo/{name}", headers=headers, body=body))

    return call


@each_protocol
@pytest.mark.parametrize(
    ("name", "texts", "received", "sent"),
    [
        ("Unary", ["a"], 1, 1),
        ("Client", ["a", "b", "c"], 3, 1),
        ("Client", [], 0, 1),
        ("Server", ["a,b,c,d"], 1, 4),
        ("Bidi", ["a", "b"], 2, 2),
        ("Bidi", [], 0, 0),
    ],
)
def test_a_call_is_logged_with_its_numbers_of_messages(
    call, log, protocol, name, texts, received, sent
):
    call(name, texts, protocol)
    (record,) = log()
    fields = values(record)
    duration = fields.pop("duration_ms")
    assert isinstance(duration, float)
    assert 0 < duration < 60_000
    assert fields == {
        "method": f"test.v1.Echo/{name}",
        "protocol": protocol,
        "code": "ok",
        "peer": "127.0.0.1:5000",
        "received": received,
        "sent": sent,
    }


@each_protocol
def test_the_line_has_the_same_values(call, log, protocol):
    call("Bidi", ["a", "b"], protocol)
    (record,) = log()
    assert record.levelno == logging.INFO
    line = re.sub(r"\d+\.\d(?=ms)", "N", record.getMessage())
    assert line == f"test.v1.Echo/Bidi {protocol} ok 127.0.0.1:5000 Nms received=2 sent=2"


@each_protocol
@pytest.mark.parametrize(("text", "code"), [("fail:aborted", "aborted"), ("crash", "internal")])
@pytest.mark.parametrize(
    ("name", "sent"), [("Unary", 0), ("Client", 0), ("Server", 1), ("Bidi", 1)]
)
def test_a_call_that_fails_is_logged_with_its_code(call, log, protocol, name, sent, text, code):
    texts = {"Client": [text], "Server": [f"a,{text}"], "Bidi": ["a", text]}.get(name, [text])
    call(name, texts, protocol)
    (record,) = log()
    assert counts(record) == (code, len(texts), sent)


def test_user_data_is_not_logged(call, caplog, log):
    secret = "secret-header"
    call("Bidi", ["metadata", "fail:aborted"], "connect", ("authorization", secret))
    (record,) = log()
    everything = f"{vars(record)} {caplog.text}"
    for text in (secret, "metadata", "as asked", "x-header"):
        assert text not in everything
    assert json.dumps(values(record))


@each_kind
def test_a_call_with_a_malformed_message_has_received_none(call, log, host, make_request, name):
    app = host.application(interceptors=[AccessLog()])
    body = b"\xff" if name == "Unary" else b"\0\0\0\0\1\xff"
    content_type = "application/proto" if name == "Unary" else "application/connect+proto"
    headers = [("content-type", content_type)]
    host.call(app, make_request(f"/test.v1.Echo/{name}", headers=headers, body=body))
    (record,) = log()
    assert counts(record) == ("invalid_argument", 0, 0)


@each_kind
def test_a_response_that_is_too_large_is_not_sent(call, log, name):
    call(name, ["a" * 200], send_max_bytes=100)
    (record,) = log()
    assert counts(record) == ("resource_exhausted", 1, 0)


@each_kind
def test_a_call_whose_deadline_has_passed_is_logged(call, log, name):
    call(name, ["a"], "connect", ("connect-timeout-ms", "0"))
    (record,) = log()
    assert record.rpc_code == "deadline_exceeded"
    assert record.rpc_sent == 0


class Refusing:
    """An async and sync interceptor that refuses calls."""

    def on_start_sync(self, ctx):
        raise ConnectError(Code.UNAUTHENTICATED, "who are you?")

    def on_end_sync(self, token, ctx, error):
        pass

    async def on_start(self, ctx):
        self.on_start_sync(ctx)

    async def on_end(self, token, ctx, error):
        pass


@each_kind
def test_a_call_that_a_later_interceptor_refuses_is_logged(call, log, name):
    call(name, ["a"], interceptors=[AccessLog(), Refusing()])
    (record,) = log()
    assert counts(record) == ("unauthenticated", 0, 0)


class FailingAtEnd(Refusing):
    def on_start_sync(self, ctx):
        pass

    def on_end_sync(self, token, ctx, error):
        raise ConnectError(Code.DATA_LOSS, "at the end")

    async def on_end(self, token, ctx, error):
        self.on_end_sync(token, ctx, error)


@each_kind
def test_the_code_is_that_of_a_later_interceptor_whose_end_fails(call, log, name):
    call(name, ["a"], interceptors=[AccessLog(), FailingAtEnd()])
    (record,) = log()
    assert record.rpc_code == "data_loss"


class Cutting:
    """An async and sync interceptor that ends streams of responses after one."""

    async def intercept_server_stream(self, call_next, request, ctx):
        async for response in call_next(request, ctx):
            yield response
            return

    async def intercept_bidi_stream(self, call_next, requests, ctx):
        async for response in call_next(requests, ctx):
            yield response
            return

    def intercept_server_stream_sync(self, call_next, request, ctx):
        for response in call_next(request, ctx):
            yield response
            return

    intercept_bidi_stream_sync = intercept_server_stream_sync


@pytest.mark.parametrize(("name", "texts"), [("Server", ["a,b"]), ("Bidi", ["a", "b"])])
@pytest.mark.parametrize("is_first", [True, False])
def test_the_handler_is_closed_below_an_interceptor_that_ends_early(
    call, log, host, name, texts, is_first
):
    interceptors = [AccessLog(), Cutting()] if is_first else [Cutting(), AccessLog()]
    call(name, texts, interceptors=interceptors)
    assert host.service.closed == [name.lower()]
    (record,) = log()
    assert (record.rpc_code, record.rpc_received) == ("ok", 1)
    assert not is_first or record.rpc_sent == 1


@each_kind
def test_nothing_is_logged_or_counted_if_the_logger_is_disabled(call, log, caplog, host, name):
    caplog.set_level(logging.WARNING, "connectrpc_server.access")
    response = call(name, ["a"])
    assert response.status == 200
    assert log() == []
    if name in ("Server", "Bidi"):
        assert host.service.closed == [name.lower()]


def test_requests_that_do_not_become_calls_are_not_logged(log, host, make_request):
    app = host.application(interceptors=[AccessLog()])
    json_type = [("content-type", "application/json")]
    for request, status in [
        (make_request("/test.v1.Echo/Nope", headers=json_type), 404),
        (make_request(method="PUT", headers=json_type), 405),
        (make_request(headers=[("content-type", "text/plain")]), 415),
        (make_request(headers=[*json_type, ("connect-timeout-ms", "soon")]), 400),
    ]:
        assert host.call(app, request).status == status
    assert log() == []
