"""The lifespan protocol of ASGI, with services that live as long as the server."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_server import combine

BODY = StringValue(value="hi").SerializeToString()


async def asgi_fallback(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"fallback"})


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
    """Make a unary call, and return its HTTP status."""
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


def lifespans(make_host, asgi_application):
    """Yield an application whose service is an async generator, then one with a context manager."""
    service = make_host("asgi").service

    async def generator(log):
        log.append("enter")
        yield service
        log.append("exit")

    for source in (generator, asynccontextmanager(generator)):
        log = []
        yield asgi_application(source(log)), log


def test_a_service_lives_as_long_as_the_lifespan(make_host, asgi_application):
    async def check(app, log):
        with pytest.raises(RuntimeError, match="the service was not started"):
            await post(app)
        async with Lifespan(app) as lifespan:
            assert lifespan.started == {"type": "lifespan.startup.complete"}
            assert log == ["enter"]
            assert await post(app) == 200
        assert lifespan.stopped == {"type": "lifespan.shutdown.complete"}
        assert log == ["enter", "exit"]

    for app, log in lifespans(make_host, asgi_application):
        asyncio.run(check(app, log))


def test_combine_runs_the_lifespan_of_an_application(make_host, asgi_application):
    async def check(app, log):
        async with Lifespan(combine(app, fallback=asgi_fallback)) as lifespan:
            assert lifespan.started["type"] == "lifespan.startup.complete"
            assert log == ["enter"]
        assert log == ["enter", "exit"]

    for app, log in lifespans(make_host, asgi_application):
        asyncio.run(check(app, log))


def test_combine_runs_the_lifespan_of_the_fallback(make_host):
    log = []

    async def fallback(scope, receive, send):
        for phase in ("startup", "shutdown"):
            log.append((await receive())["type"])
            scope["state"]["database"] = "open"
            await send({"type": f"lifespan.{phase}.complete"})

    async def check():
        app = combine(make_host("asgi").application(), fallback=fallback)
        async with Lifespan(app) as lifespan:
            assert log == ["lifespan.startup"]
            assert lifespan.state == {"database": "open"}
        assert log == ["lifespan.startup", "lifespan.shutdown"]

    asyncio.run(check())


def test_a_failed_startup_is_reported_and_logged(asgi_application, caplog):
    async def generator():
        raise OSError("no database")
        yield

    async def check():
        async with Lifespan(asgi_application(generator())) as lifespan:
            assert lifespan.started["type"] == "lifespan.startup.failed"
            assert "no database" in lifespan.started["message"]

    asyncio.run(check())
    assert "lifespan startup failed" in caplog.text


def test_a_failed_startup_of_the_fallback_is_reported(make_host):
    async def fallback(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def check():
        app = combine(make_host("asgi").application(), fallback=fallback)
        async with Lifespan(app) as lifespan:
            assert lifespan.started["type"] == "lifespan.startup.failed"
            assert "no database" in lifespan.started["message"]

    asyncio.run(check())


def test_a_generator_serves_one_lifespan(make_host, asgi_application):
    async def generator():
        yield make_host("asgi").service

    async def check():
        app = asgi_application(generator())
        async with app.lifespan():
            assert await post(app) == 200
        async with Lifespan(app) as lifespan:
            assert lifespan.started["type"] == "lifespan.startup.failed"
            assert "was used before" in lifespan.started["message"]

    asyncio.run(check())
