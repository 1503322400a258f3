"""`asgi_scope` and `wsgi_environ`: the request of the server or the framework."""

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_server import (
    Headers,
    RequestContext,
    asgi_scope,
    combine,
    wsgi_environ,
)

KINDS = ["Unary", "Client", "Server", "Bidi"]
FUNCTIONS = {"asgi": asgi_scope, "wsgi": wsgi_environ}


class Asking:
    """Metadata interceptors that ask for the request of the call at its start and its end."""

    def __init__(self, function):
        self.function = function
        self.got = []

    def on_start_sync(self, ctx):
        self.got.append(self.function(ctx))

    def on_end_sync(self, token, ctx, error):
        self.got.append(self.function(ctx))

    async def on_start(self, ctx):
        self.on_start_sync(ctx)

    async def on_end(self, token, ctx, error):
        self.on_end_sync(token, ctx, error)


def recording(service, function):
    """Return a service whose handlers ask for the request of the call, and what they got."""
    got = []

    class Recording(type(service)):
        pass

    def wrap(handler):
        async def unary(self, request, ctx):
            got.append(function(ctx))
            return await handler(self, request, ctx)

        def other(self, request, ctx):
            got.append(function(ctx))
            return handler(self, request, ctx)

        is_async = handler.__name__ in ("unary", "client") and function is asgi_scope
        return unary if is_async else other

    for name in KINDS:
        handler = getattr(type(service), name.lower())
        setattr(Recording, name.lower(), wrap(handler))
    return Recording(), got


def remembering(app, seen):
    """Return an application that remembers the scope or the environment that it passes on."""

    async def asgi(scope, receive, send):
        seen.append(scope)
        await app(scope, receive, send)

    def wsgi(environ, start_response):
        seen.append(environ)
        return app(environ, start_response)

    return asgi, wsgi


def call(host, make_request, app, name):
    seen = []
    asgi, wsgi = remembering(app, seen)
    body, content_type = host.envelope("a"), "application/connect+proto"
    if name == "Unary":
        body, content_type = body[5:], "application/proto"
    headers = [("content-type", content_type)]
    request = make_request(f"/test.v1.Echo/{name}", headers=headers, body=body)
    response = host.call(asgi if host.kind == "asgi" else wsgi, request)
    assert response.status == 200
    (only,) = seen
    return only


@pytest.mark.parametrize("options", [{}, {"default_timeout_ms": 60_000}])
@pytest.mark.parametrize("name", KINDS)
def test_the_handler_gets_the_object_of_the_server(host, make_request, name, options):
    host.service, got = recording(host.service, FUNCTIONS[host.kind])
    passed = call(host, make_request, host.application(**options), name)
    (only,) = got
    assert only is passed


@pytest.mark.parametrize("name", KINDS)
def test_interceptors_get_the_object_of_the_server(host, make_request, name):
    asking = Asking(FUNCTIONS[host.kind])
    passed = call(host, make_request, host.application(interceptors=[asking]), name)
    assert [each is passed for each in asking.got] == [True, True]


@pytest.mark.parametrize("name", KINDS)
def test_it_is_the_object_of_the_server_in_a_combined_application(host, make_request, name):
    asking = Asking(FUNCTIONS[host.kind])
    app = combine(host.application(interceptors=[asking]))
    passed = call(host, make_request, app, name)
    assert [each is passed for each in asking.got] == [True, True]


def test_a_value_of_middleware_reaches_the_handler(host):
    class Greeting(type(host.service)):
        pass

    def greet(ctx):
        return StringValue(value=FUNCTIONS[host.kind](ctx)["site.user"])

    async def unary(self, request, ctx):
        return greet(ctx)

    def unary_sync(self, request, ctx):
        return greet(ctx)

    Greeting.unary = unary if host.kind == "asgi" else unary_sync
    host.service = Greeting()
    app = host.application()

    async def asgi(scope, receive, send):
        await app({**scope, "site.user": "Ada"}, receive, send)

    def wsgi(environ, start_response):
        return app({**environ, "site.user": "Ada"}, start_response)

    host.application = lambda **options: asgi if host.kind == "asgi" else wsgi
    assert StringValue.FromString(host.unary().body).value == "Ada"


def test_a_call_of_the_other_interface_is_a_runtime_error(host):
    errors = []
    wrong = wsgi_environ if host.kind == "asgi" else asgi_scope

    def ask(ctx):
        with pytest.raises(RuntimeError) as caught:
            wrong(ctx)
        errors.append(str(caught.value))

    host.unary(interceptors=[Asking(ask)])
    interface, right = (
        ("an ASGI", "asgi_scope") if host.kind == "asgi" else ("a WSGI", "wsgi_environ")
    )
    text = f"{wrong.__name__}(): {interface} application handles this call; use {right}()"
    assert errors == [text, text]


@pytest.mark.parametrize(
    ("function", "interface"), [(asgi_scope, "an ASGI"), (wsgi_environ, "a WSGI")]
)
def test_a_context_of_a_test_is_a_runtime_error(methods, function, interface):
    ctx = RequestContext(methods["Unary"], "connect", "POST", Headers())
    with pytest.raises(RuntimeError) as caught:
        function(ctx)
    assert str(caught.value) == (
        f"{function.__name__}(): this context does not belong to a call of {interface} "
        "application; a client or a test made it"
    )


@pytest.mark.parametrize("function", [asgi_scope, wsgi_environ])
@pytest.mark.parametrize("wrong", [{"type": "http"}, {"wsgi.input": None}, None])
def test_an_object_that_is_not_a_context_is_a_type_error(function, wrong):
    with pytest.raises(TypeError) as caught:
        function(wrong)
    text = f"{function.__name__}() takes the context of a call, not a {type(wrong).__name__}"
    assert str(caught.value) == text
