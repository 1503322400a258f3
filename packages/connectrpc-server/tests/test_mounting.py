"""Mounting an application below a path, and combining several of them."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_server import combine

PROTO = ("content-type", "application/proto")
BODY = StringValue(value="hi").SerializeToString()


def test_path(shell):
    assert shell.application().path == "/test.v1.Echo"


@pytest.mark.parametrize("root", ["", "/api", "/api/", "/a/b/c"])
def test_below_any_prefix(shell, make_request, root):
    request = make_request("/test.v1.Echo/Unary", root=root.rstrip("/"), headers=[PROTO], body=BODY)
    assert shell.call(shell.application(), request).status == 200


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_at_its_own_path(shell, make_request, prefix):
    app = shell.application()
    request = make_request("/Unary", root=prefix + app.path, headers=[PROTO], body=BODY)
    assert shell.call(app, request).status == 200


@pytest.mark.parametrize("path", ["/other/test.v1.Echo/Unary", "/Unary", "/test.v1.EchoX/Unary"])
def test_nowhere_else(shell, make_request, path):
    request = make_request(path, headers=[PROTO], body=BODY)
    assert shell.call(shell.application(), request).status == 404


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


class Lifespan:
    """The server's side of the lifespan protocol."""

    def __init__(self, app):
        self.app = app

    async def __aenter__(self):
        self.events, self.replies, self.state = asyncio.Queue(), asyncio.Queue(), {}
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        self.task = asyncio.create_task(self.app(scope, self.events.get, self.replies.put))
        await self.events.put({"type": "lifespan.startup"})
        self.started = await asyncio.wait_for(self.replies.get(), 30)
        return self

    async def __aexit__(self, *exc_info):
        if self.started["type"] == "lifespan.startup.complete":
            await self.events.put({"type": "lifespan.shutdown"})
            self.stopped = await asyncio.wait_for(self.replies.get(), 30)
        await asyncio.wait_for(self.task, 30)


async def post(app):
    """The status of a unary call."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(event):
        sent.append(event)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/test.v1.Echo/Unary",
        "query_string": b"",
        "headers": [(b"content-type", b"application/proto")],
    }
    await app(scope, receive, send)
    return sent[0]["status"]


def lifespans(make_shell, asgi_application):
    """Yield an application whose service is an async generator, then one with a context manager."""
    service = make_shell("asgi").service

    async def generator(log):
        log.append("enter")
        yield service
        log.append("exit")

    for source in (generator, asynccontextmanager(generator)):
        log = []
        yield asgi_application(source(log)), log


def test_lifespan(make_shell, asgi_application):
    async def check(app, log):
        with pytest.raises(RuntimeError, match="the service was not started"):
            await post(app)
        async with Lifespan(app) as lifespan:
            assert lifespan.started == {"type": "lifespan.startup.complete"}
            assert log == ["enter"]
            assert await post(app) == 200
        assert lifespan.stopped == {"type": "lifespan.shutdown.complete"}
        assert log == ["enter", "exit"]

    for app, log in lifespans(make_shell, asgi_application):
        asyncio.run(check(app, log))


def test_lifespan_of_combined_applications(make_shell, asgi_application):
    async def check(app, log):
        async with Lifespan(combine(app, fallback=asgi_fallback)) as lifespan:
            assert lifespan.started["type"] == "lifespan.startup.complete"
            assert log == ["enter"]
        assert log == ["enter", "exit"]

    for app, log in lifespans(make_shell, asgi_application):
        asyncio.run(check(app, log))


def test_lifespan_of_the_fallback(make_shell):
    log = []

    async def fallback(scope, receive, send):
        for phase in ("startup", "shutdown"):
            log.append((await receive())["type"])
            scope["state"]["database"] = "open"
            await send({"type": f"lifespan.{phase}.complete"})

    async def check():
        app = combine(make_shell("asgi").application(), fallback=fallback)
        async with Lifespan(app) as lifespan:
            assert log == ["lifespan.startup"]
            assert lifespan.state == {"database": "open"}
        assert log == ["lifespan.startup", "lifespan.shutdown"]

    asyncio.run(check())


def test_failed_startup(asgi_application, caplog):
    async def generator():
        raise OSError("no database")
        yield

    async def check():
        async with Lifespan(asgi_application(generator())) as lifespan:
            assert lifespan.started["type"] == "lifespan.startup.failed"
            assert "no database" in lifespan.started["message"]

    asyncio.run(check())
    assert "lifespan startup failed" in caplog.text


def test_failed_startup_of_the_fallback(make_shell):
    async def fallback(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def check():
        app = combine(make_shell("asgi").application(), fallback=fallback)
        async with Lifespan(app) as lifespan:
            assert lifespan.started["type"] == "lifespan.startup.failed"
            assert "no database" in lifespan.started["message"]

    asyncio.run(check())


def test_a_generator_serves_one_lifespan(make_shell, asgi_application):
    async def generator():
        yield make_shell("asgi").service

    async def check():
        app = asgi_application(generator())
        async with app.lifespan():
            assert await post(app) == 200
        async with Lifespan(app) as lifespan:
            assert lifespan.started["type"] == "lifespan.startup.failed"
            assert "was used before" in lifespan.started["message"]

    asyncio.run(check())


def test_websockets_are_refused(make_shell):
    app = make_shell("asgi").application()
    for refusing in (app, combine(app)):
        with pytest.raises(NotImplementedError, match="websocket"):
            asyncio.run(refusing({"type": "websocket"}, None, None))
