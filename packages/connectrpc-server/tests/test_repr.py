"""The `repr` of applications, of handlers, and of the contexts of calls."""

import functools

import pytest

from connectrpc_server import combine


def named(app_type, name):
    return type(f"{name}{app_type.__name__}", (app_type,), {"service_name": f"test.v1.{name}"})


@pytest.fixture
def app_type(host, asgi_application, wsgi_application):
    return asgi_application if host.kind == "asgi" else wsgi_application


def test_an_application_shows_its_class_and_service(host, app_type) -> None:
    app = named(app_type, "Echo")(host.service)
    assert repr(app) == f"<Echo{app_type.__name__} test.v1.Echo>"


def test_an_application_whose_constructor_failed_shows_its_class(app_type) -> None:
    app = app_type.__new__(app_type)
    with pytest.raises(TypeError):
        app.__init__(object(), unknown_option=True)
    assert app_type.__name__ in repr(app)
    assert repr(named(app_type, "X").__new__(named(app_type, "X"))) == (
        f"<X{app_type.__name__} test.v1.X>"
    )


def test_an_application_without_a_service_name_shows_its_class(app_type) -> None:
    base = app_type.__mro__[1]
    nameless = type("Nameless", (base,), {"handlers": lambda self, service: []})
    assert repr(nameless.__new__(nameless)) == "<Nameless>"


def combined(host) -> str:
    return f"Combined{host.kind.upper()}Application"


def test_a_combined_application_shows_its_services(host, app_type) -> None:
    app = combine(*(named(app_type, name)(host.service) for name in ("B", "A")))
    assert repr(app) == f"<{combined(host)} test.v1.B, test.v1.A>"


async def asgi_fallback(scope, receive, send): ...


def wsgi_fallback(environ, start_response): ...


class Site:
    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        return self.function(*args)

    def __repr__(self) -> str:
        raise RuntimeError("not for applications")


def test_a_combined_application_shows_the_name_of_its_fallback(host, app_type) -> None:
    app = named(app_type, "A")(host.service)
    function = asgi_fallback if host.kind == "asgi" else wsgi_fallback
    for fallback, name in [
        (function, function.__name__),
        (Site(function), "Site"),
        (functools.partial(function), "partial"),
        (combine(app), combined(host)),
    ]:
        shown = repr(combine(app, fallback=fallback))
        assert shown == f"<{combined(host)} test.v1.A, fallback={name}>"


def test_a_combined_application_whose_constructor_failed_shows_its_class(host, app_type) -> None:
    kind = type(combine(named(app_type, "A")(host.service)))
    assert repr(kind.__new__(kind)) == f"<{combined(host)}>"


def test_a_handler_shows_its_method(host, app_type) -> None:
    handler = app_type(host.service).handlers(host.service)[0]
    assert repr(handler) == f"<{type(handler).__name__} test.v1.Echo/Unary (unary)>"


def test_the_context_of_a_call_shows_its_method_and_not_its_headers(host, make_request) -> None:
    shown = []

    class Watch:
        async def on_start(self, ctx):
            shown.append(repr(ctx))

        async def on_end(self, token, ctx, error): ...

        def on_start_sync(self, ctx):
            shown.append(repr(ctx))

        def on_end_sync(self, token, ctx, error): ...

    headers = [("content-type", "application/proto"), ("authorization", "secret")]
    host.call(host.application(interceptors=[Watch()]), make_request(headers=headers))
    assert shown == ["<RequestContext connect POST test.v1.Echo/Unary>"]
