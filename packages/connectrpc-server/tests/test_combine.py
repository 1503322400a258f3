"""Several services and another application, combined into one application."""

import asyncio

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_server import combine

PROTO = ("content-type", "application/proto")
BODY = StringValue(value="hi").SerializeToString()


def renamed(app_type, name):
    return type("Renamed", (app_type,), {"service_name": name})


@pytest.fixture
def second(shell, asgi_application, wsgi_application):
    """An application of a second service, whose methods keep the paths of the first."""
    app_type = asgi_application if shell.kind == "asgi" else wsgi_application
    return renamed(app_type, "test.v1.Second")(shell.service)


def test_combine(shell, second, make_request):
    app = combine(shell.application(), second)
    for prefix in ("", "/api"):
        request = make_request("/test.v1.Echo/Unary", root=prefix, headers=[PROTO], body=BODY)
        assert shell.call(app, request).status == 200
    assert shell.call(app, make_request("/test.v1.Third/Unary")).status == 404
    assert shell.call(app, make_request("/")).status == 404


async def asgi_fallback(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"fallback"})


def wsgi_fallback(environ, start_response):
    start_response("299 Fallback", [])
    return [b"fallback"]


def test_combine_with_fallback(shell, make_request):
    fallback = asgi_fallback if shell.kind == "asgi" else wsgi_fallback
    app = combine(shell.application(), fallback=fallback)
    assert shell.call(app, make_request("/elsewhere")).body == b"fallback"
    request = make_request(headers=[PROTO], body=BODY)
    assert shell.call(app, request).status == 200


@pytest.mark.parametrize("root", ["", "/api"])
@pytest.mark.parametrize(
    "path", ["/files/test.v1.Echo/x", "/test.v1.Echo", "/test.v1.Echo/a/b", "/test.v1.Echo2/Unary"]
)
def test_paths_of_the_fallback_that_look_alike(shell, make_request, root, path):
    fallback = asgi_fallback if shell.kind == "asgi" else wsgi_fallback
    app = combine(shell.application(), fallback=fallback)
    assert shell.call(app, make_request(path, root=root)).body == b"fallback"


def test_an_unknown_method_of_a_service_does_not_reach_the_fallback(shell, make_request):
    fallback = asgi_fallback if shell.kind == "asgi" else wsgi_fallback
    app = combine(shell.application(), fallback=fallback)
    assert shell.call(app, make_request("/test.v1.Echo/Nothing")).status == 404


def test_combine_refuses_mixtures(make_shell):
    with pytest.raises(TypeError, match="either ASGI or WSGI"):
        combine(make_shell("asgi").application(), renamed_wsgi(make_shell))


def renamed_wsgi(make_shell):
    shell = make_shell("wsgi")
    app = shell.application()
    return renamed(type(app), "test.v1.Other")(shell.service)


def test_combine_refuses_two_of_one_service(shell):
    with pytest.raises(ValueError, match=r"same service: test\.v1\.Echo"):
        combine(shell.application(), shell.application())


def test_combine_refuses_an_empty_list():
    with pytest.raises(ValueError, match="at least one"):
        combine()


def test_websockets_are_refused(make_shell):
    app = make_shell("asgi").application()
    for refusing in (app, combine(app)):
        with pytest.raises(NotImplementedError, match="websocket"):
            asyncio.run(refusing({"type": "websocket"}, None, None))
