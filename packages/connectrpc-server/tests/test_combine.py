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
def second(host, asgi_application, wsgi_application):
    """An application of a second service, whose methods keep the paths of the first."""
    app_type = asgi_application if host.kind == "asgi" else wsgi_application
    return renamed(app_type, "test.v1.Second")(host.service)


def test_combine_serves_each_service_at_its_path(host, second, make_request):
    app = combine(host.application(), second)
    for prefix in ("", "/api"):
        request = make_request("/test.v1.Echo/Unary", root=prefix, headers=[PROTO], body=BODY)
        assert host.call(app, request).status == 200
    assert host.call(app, make_request("/test.v1.Third/Unary")).status == 404
    assert host.call(app, make_request("/")).status == 404


async def asgi_fallback(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"fallback"})


def wsgi_fallback(environ, start_response):
    start_response("299 Fallback", [])
    return [b"fallback"]


def test_combine_passes_other_paths_to_the_fallback(host, make_request):
    fallback = asgi_fallback if host.kind == "asgi" else wsgi_fallback
    app = combine(host.application(), fallback=fallback)
    assert host.call(app, make_request("/elsewhere")).body == b"fallback"
    request = make_request(headers=[PROTO], body=BODY)
    assert host.call(app, request).status == 200


@pytest.mark.parametrize("root", ["", "/api"])
@pytest.mark.parametrize(
    "path", ["/files/test.v1.Echo/x", "/test.v1.Echo", "/test.v1.Echo/a/b", "/test.v1.Echo2/Unary"]
)
def test_a_path_that_only_looks_like_a_method_goes_to_the_fallback(host, make_request, root, path):
    fallback = asgi_fallback if host.kind == "asgi" else wsgi_fallback
    app = combine(host.application(), fallback=fallback)
    assert host.call(app, make_request(path, root=root)).body == b"fallback"


def test_an_unknown_method_of_a_service_does_not_reach_the_fallback(host, make_request):
    fallback = asgi_fallback if host.kind == "asgi" else wsgi_fallback
    app = combine(host.application(), fallback=fallback)
    assert host.call(app, make_request("/test.v1.Echo/Nothing")).status == 404


def test_combine_refuses_asgi_and_wsgi_applications_together(make_host):
    with pytest.raises(TypeError, match="either ASGI or WSGI") as caught:
        combine(make_host("asgi").application(), renamed_wsgi(make_host))
    assert str(caught.value) == (
        "combine() takes either ASGI or WSGI applications: EchoASGIApplication is an ASGI "
        "application, Renamed is a WSGI application; use the …ASGIApplication or the "
        "…WSGIApplication of each service"
    )
    with pytest.raises(TypeError, match="either ASGI or WSGI"):  # also of the same service
        combine(make_host("asgi").application(), make_host("wsgi").application())


def test_combine_of_a_list_is_refused(host, second):
    apps = [host.application(), second]
    for given in (apps, tuple(apps), iter(apps), (app for app in apps)):
        with pytest.raises(TypeError, match=r"write combine\(\*applications\), not combine\("):
            combine(given)
    with pytest.raises(TypeError, match=r"write combine\(\*applications\)"):
        combine(host.application(), [second])


def test_combine_refuses_what_is_not_an_application_of_a_service(host):
    app = host.application()
    for given, text in (
        (type(app), rf"{type(app).__name__} is a class; pass an instance of it"),
        (combine(app), "combined already"),
        (asgi_fallback, "pass function as fallback="),
        (host.service, rf"{type(host.service).__name__} is not one; pass the …ASGIApplication or"),
        (None, "NoneType is not one"),
    ):
        with pytest.raises(TypeError, match=text):
            combine(app, given)


class CallableASGI:
    async def __call__(self, scope, receive, send): ...


class CallableWSGI:
    def __call__(self, environ, start_response): ...


def test_combine_refuses_a_fallback_of_the_other_interface(make_host):
    asgi, wsgi = make_host("asgi").application(), make_host("wsgi").application()
    for fallback in (wsgi, combine(wsgi), wsgi_fallback, CallableWSGI()):
        with pytest.raises(
            TypeError, match=r"must be an ASGI application: .*\(scope, receive, send"
        ):
            combine(asgi, fallback=fallback)
        combine(wsgi, fallback=fallback)
    for fallback in (asgi, combine(asgi), asgi_fallback, CallableASGI()):
        with pytest.raises(TypeError, match=r"must be a WSGI application: .*\(environ, start_resp"):
            combine(wsgi, fallback=fallback)
        combine(asgi, fallback=fallback)
    for fallback in (CallableASGI, "fallback"):
        with pytest.raises(TypeError, match="the fallback must be an ASGI application, not"):
            combine(asgi, fallback=fallback)


def renamed_wsgi(make_host):
    host = make_host("wsgi")
    app = host.application()
    return renamed(type(app), "test.v1.Other")(host.service)


def test_combine_refuses_two_applications_of_one_service(host):
    with pytest.raises(ValueError, match=r"same service: test\.v1\.Echo"):
        combine(host.application(), host.application())


def test_combine_needs_an_application():
    with pytest.raises(ValueError, match="at least one"):
        combine()


def test_websockets_are_refused(make_host):
    app = make_host("asgi").application()
    for refusing in (app, combine(app)):
        with pytest.raises(NotImplementedError, match="websocket"):
            asyncio.run(refusing({"type": "websocket"}, None, None))
