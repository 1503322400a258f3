"""Calls over ASGI that end early: by deadlines, disconnects and cancellation."""

import asyncio
import contextlib
import logging

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_server import AccessLog, Code, ConnectError

PROTO = (b"content-type", b"application/proto")
STREAM = (b"content-type", b"application/connect+proto")


class Connection:
    """A server with one client, which sends and disconnects when the test says so."""

    def __init__(self, body, *, complete=True):
        self.events = asyncio.Queue()
        self.events.put_nowait({"type": "http.request", "body": body, "more_body": not complete})
        self.sent = []
        self.responded = asyncio.Event()

    def disconnect(self):
        self.events.put_nowait({"type": "http.disconnect"})

    async def send(self, event):
        self.sent.append(event)
        self.responded.set()

    def call(self, app, name, header, *headers):
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/test.v1.Echo/{name}",
            "query_string": b"",
            "headers": [header, *headers],
            "client": None,
        }
        return asyncio.create_task(app(scope, self.events.get, self.send))


class Waiting:
    """Handlers that wait until they are cancelled, and record that they were."""

    def __init__(self):
        self.began = asyncio.Event()
        self.ended = []

    async def wait(self):
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise

    async def unary(self, request, ctx):
        await self.wait()

    async def client(self, requests, ctx):
        async for _ in requests:
            pass
        await self.wait()

    async def server(self, request, ctx):
        yield StringValue(value="first")
        await self.wait()

    async def bidi(self, requests, ctx):
        async for request in requests:
            yield request
        await self.wait()


MESSAGE = StringValue(value="a").SerializeToString()
ENVELOPE = b"\0\0\0\0" + bytes([len(MESSAGE)]) + MESSAGE
CALLS = [
    ("Unary", PROTO, MESSAGE),
    ("Client", STREAM, ENVELOPE),
    ("Server", STREAM, ENVELOPE),
    ("Bidi", STREAM, ENVELOPE),
]


@pytest.mark.parametrize(("name", "header", "body"), CALLS)
def test_a_disconnect_cancels_the_handler(asgi_application, name, header, body):
    async def check():
        service = Waiting()
        connection = Connection(body)
        task = connection.call(asgi_application(service), name, header)
        await asyncio.wait_for(service.began.wait(), 30)
        connection.disconnect()
        await asyncio.wait_for(task, 30)
        assert service.ended == ["cancelled"]

    asyncio.run(check())


class Repeating(asyncio.Queue):
    """The events of pyvoy: the end of the request, repeated until the client disconnects."""

    async def get(self):
        if self.empty():
            return {"type": "http.request", "body": b"", "more_body": False}
        return self.get_nowait()


@pytest.mark.parametrize(("name", "header", "body"), CALLS)
def test_a_disconnect_is_noticed_on_a_server_that_repeats_the_end(
    asgi_application, name, header, body
):
    async def check():
        service = Waiting()
        connection = Connection(body)
        connection.events, once = Repeating(), connection.events
        connection.events.put_nowait(once.get_nowait())
        task = connection.call(asgi_application(service), name, header)
        await asyncio.wait_for(service.began.wait(), 30)
        for _ in range(100):  # enough for the application to read all that it wants
            await asyncio.sleep(0)
        connection.disconnect()
        await asyncio.wait_for(task, 30)
        assert service.ended == ["cancelled"]

    asyncio.run(check())


@pytest.mark.parametrize(("name", "header"), [("Unary", PROTO), ("Bidi", STREAM)])
def test_a_disconnect_inside_the_body_ends_the_call(asgi_application, name, header):
    async def check():
        connection = Connection(b"\0", complete=False)
        connection.disconnect()
        await asyncio.wait_for(connection.call(asgi_application(Waiting()), name, header), 30)
        # Some middleware requires a response even after a disconnect.
        assert b'"canceled"' in connection.sent[-1]["body"]

    asyncio.run(check())


@pytest.mark.parametrize(("name", "header", "body"), CALLS[2:])
@pytest.mark.parametrize("sends", [0, 1])
def test_a_disconnect_may_be_reported_by_send(asgi_application, caplog, name, header, body, sends):
    class Gone(Connection):
        async def send(self, event):
            if len(self.sent) == sends:
                raise OSError("the client is gone")
            await super().send(event)

    async def check():
        task = Gone(body).call(asgi_application(Waiting()), name, header)
        await asyncio.wait_for(task, 30)

    asyncio.run(check())
    assert caplog.records == []


def test_a_disconnect_may_be_reported_by_the_last_send(make_host, asgi_application):
    class Gone(Connection):
        async def send(self, event):
            raise OSError("the client is gone")

    async def check():
        app = asgi_application(make_host("asgi").service)
        await asyncio.wait_for(Gone(MESSAGE).call(app, "Unary", PROTO), 30)

    asyncio.run(check())


def test_a_disconnect_is_noticed_after_all_requests_have_arrived(asgi_application):
    class Half(Waiting):
        async def bidi(self, requests, ctx):
            yield await anext(requests)
            await self.wait()

    async def check():
        service = Half()
        connection = Connection(ENVELOPE * 2)
        task = connection.call(asgi_application(service), "Bidi", STREAM)
        await asyncio.wait_for(service.began.wait(), 30)
        connection.disconnect()
        await asyncio.wait_for(task, 30)
        assert service.ended == ["cancelled"]

    asyncio.run(check())


def test_a_reader_that_still_runs_does_not_hide_the_error(asgi_application):
    class Careless(Waiting):
        async def bidi(self, requests, ctx):
            self.reader = asyncio.ensure_future(anext(requests))
            await asyncio.sleep(0)
            raise ConnectError(Code.NOT_FOUND, "not here")
            yield

    async def check():
        service = Careless()
        connection = Connection(b"", complete=False)
        task = connection.call(asgi_application(service), "Bidi", STREAM)
        await asyncio.wait_for(task, 30)
        service.reader.cancel()
        assert b'"not_found"' in connection.sent[-1]["body"]

    asyncio.run(check())


def test_generators_are_closed_below_interceptors(asgi_application):
    class Through:
        async def intercept_server_stream(self, call_next, request, ctx):
            async for response in call_next(request, ctx):
                yield response

    class Watched(Waiting):
        async def server(self, request, ctx):
            try:
                yield request
                yield "no message"
            finally:
                self.ended.append(asyncio.current_task())

    async def check():
        service = Watched()
        app = asgi_application(service, interceptors=[Through(), Through()])
        task = Connection(ENVELOPE).call(app, "Server", STREAM)
        await asyncio.wait_for(task, 30)
        assert service.ended == [task]

    asyncio.run(check())


@pytest.mark.parametrize(("name", "header", "body"), CALLS)
def test_a_cancellation_by_the_server_stays_a_cancellation(
    asgi_application, caplog, name, header, body
):
    async def check():
        service = Waiting()
        connection = Connection(body)
        task = connection.call(asgi_application(service), name, header)
        await asyncio.wait_for(service.began.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 30)
        assert service.ended == ["cancelled"]
        assert b'"unavailable"' in connection.sent[-1]["body"]

    asyncio.run(check())
    (record,) = caplog.records
    assert record.getMessage().endswith("was cancelled, because the server is stopping")
    assert record.exc_info is None


@pytest.mark.parametrize(("name", "header", "body"), CALLS)
@pytest.mark.parametrize("options", [{}, {"default_timeout_ms": 60_000}])
def test_a_cancellation_is_not_passed_on_to_a_server_that_logs_it(
    asgi_application, name, header, body, options
):
    async def check():
        service = Waiting()
        connection = Connection(body)
        task = connection.call(asgi_application(service, **options), name, header)
        await asyncio.wait_for(service.began.wait(), 30)
        task.cancel(msg="Task cancelled, timeout graceful shutdown exceeded")
        await asyncio.wait_for(task, 30)
        assert b'"unavailable"' in connection.sent[-1]["body"]

    asyncio.run(check())


@pytest.mark.parametrize(("name", "header", "body"), CALLS)
def test_a_call_whose_body_has_not_arrived_is_unavailable_when_the_server_stops(
    asgi_application, name, header, body
):
    async def check():
        connection = Connection(body, complete=False)
        connection.events.get_nowait()
        task = connection.call(asgi_application(Waiting()), name, header)
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 30)
        assert b'"unavailable"' in connection.sent[-1]["body"]

    asyncio.run(check())


def test_a_handler_that_never_suspends_sees_the_disconnect(asgi_application):
    class Endless(Waiting):
        async def server(self, request, ctx):
            try:
                while True:
                    yield request
            finally:
                self.ended.append("closed")

    async def check():
        service = Endless()
        connection = Connection(ENVELOPE)
        task = connection.call(asgi_application(service), "Server", STREAM)
        await asyncio.wait_for(connection.responded.wait(), 30)
        connection.disconnect()
        await asyncio.wait_for(task, 30)
        assert service.ended == ["closed"]

    asyncio.run(check())


@pytest.mark.parametrize(("size", "most"), [(0, 64), (60_000, 2)])
def test_a_handler_that_never_suspends_lets_other_tasks_run(asgi_application, size, most):
    class Quick(Waiting):
        async def server(self, request, ctx):
            for _ in range(200):
                yield StringValue(value="x" * size)

    async def check():
        connection = Connection(ENVELOPE)
        task = connection.call(asgi_application(Quick()), "Server", STREAM)
        bursts = [0]
        while not task.done():
            before = len(connection.sent)
            await asyncio.sleep(0)
            bursts.append(len(connection.sent) - before)
        assert max(bursts) <= most + 1  # the head is sent with the first

    asyncio.run(check())


@pytest.mark.parametrize(("name", "header", "body"), CALLS)
def test_a_cancellation_of_something_the_handler_awaits_is_an_error(
    asgi_application, caplog, name, header, body
):
    class Dependent(Waiting):
        async def wait(self):
            other = asyncio.create_task(asyncio.Event().wait())
            asyncio.get_running_loop().call_soon(other.cancel)
            await other

    async def check():
        connection = Connection(body)
        task = connection.call(asgi_application(Dependent()), name, header)
        await asyncio.wait_for(task, 30)
        assert b'"internal"' in connection.sent[-1]["body"]

    asyncio.run(check())
    assert "something that the call waited for was cancelled" in caplog.text


class Stubborn(Waiting):
    """Handlers that suppress their cancellation."""

    async def server(self, request, ctx):
        try:
            while True:
                yield request
                with contextlib.suppress(asyncio.CancelledError):
                    await self.wait()
        finally:
            self.ended.append("closed")

    async def bidi(self, requests, ctx):
        yield await anext(requests)
        with contextlib.suppress(asyncio.CancelledError):
            await self.wait()
        async for _ in requests:
            pytest.fail("a second request")


@pytest.mark.parametrize(("name", "ended"), [("Server", "closed"), ("Bidi", "cancelled")])
@pytest.mark.parametrize("cause", ["deadline", "disconnect"])
def test_a_handler_that_suppresses_its_cancellation_is_ended(asgi_application, name, ended, cause):
    async def check():
        service = Stubborn()
        connection = Connection(ENVELOPE, complete=name == "Server")
        options = {"default_timeout_ms": 50} if cause == "deadline" else {}
        task = connection.call(asgi_application(service, **options), name, STREAM)
        await asyncio.wait_for(service.began.wait(), 30)
        if cause == "disconnect":
            connection.disconnect()
        # Not `wait_for`: the handler would suppress that cancellation, too.
        done, _ = await asyncio.wait([task], timeout=30)
        assert done == {task}
        assert service.ended[-1] == ended
        messages = [each for each in connection.sent if each.get("more_body")]
        assert len(messages) == 1
        assert cause != "deadline" or b'"deadline_exceeded"' in connection.sent[-1]["body"]

    asyncio.run(check())


def test_a_wait_for_a_request_can_be_cut_short(asgi_application):
    class TimedRead(Waiting):
        async def bidi(self, requests, ctx):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await anext(requests)
            yield StringValue(value="nothing yet")
            async for request in requests:
                yield request

    async def check():
        connection = Connection(b"", complete=False)
        task = connection.call(asgi_application(TimedRead()), "Bidi", STREAM)
        await asyncio.wait_for(connection.responded.wait(), 30)
        connection.events.put_nowait({"type": "http.request", "body": ENVELOPE})
        await asyncio.wait_for(task, 30)
        messages = [each["body"] for each in connection.sent if each.get("more_body")]
        assert messages[1:] == [ENVELOPE]

    asyncio.run(check())


@pytest.mark.parametrize(("name", "header", "body"), CALLS)
def test_the_deadline_of_the_client_cancels_the_handler(asgi_application, name, header, body):
    async def check():
        service = Waiting()
        connection = Connection(body)
        timeout = (b"connect-timeout-ms", b"50")
        await asyncio.wait_for(
            connection.call(asgi_application(service), name, header, timeout), 30
        )
        assert service.ended == ["cancelled"]
        response = b"".join(event.get("body", b"") for event in connection.sent)
        assert b'"deadline_exceeded"' in response

    asyncio.run(check())


@pytest.mark.parametrize("option", ["default_timeout_ms", "max_timeout_ms"])
def test_the_deadline_of_the_server_cancels_the_handler(asgi_application, option):
    async def check():
        connection = Connection(MESSAGE)
        app = asgi_application(Waiting(), **{option: 50})
        await asyncio.wait_for(connection.call(app, "Unary", PROTO), 30)
        assert connection.sent[0]["status"] == 504

    asyncio.run(check())


def test_the_deadline_ends_a_call_whose_body_is_being_read(asgi_application):
    async def check():
        connection = Connection(b"", complete=False)
        app = asgi_application(Waiting(), default_timeout_ms=50)
        await asyncio.wait_for(connection.call(app, "Unary", PROTO), 30)
        assert connection.sent[0]["status"] == 504

    asyncio.run(check())


def test_a_timeout_error_of_the_handler_is_not_a_deadline(asgi_application):
    class Broken(Waiting):
        async def unary(self, request, ctx):
            raise TimeoutError("of a database")

    async def check():
        connection = Connection(MESSAGE)
        await asyncio.wait_for(connection.call(asgi_application(Broken()), "Unary", PROTO), 30)
        assert connection.sent[0]["status"] == 500

    asyncio.run(check())


ENDINGS = {
    "disconnect": ("canceled", {}),
    "deadline": ("deadline_exceeded", {"default_timeout_ms": 20}),
    "cancellation": ("unavailable", {}),
    "cancellation that the server logs": ("unavailable", {}),
}
COUNTS = {"Unary": (1, 0), "Client": (1, 0), "Server": (1, 1), "Bidi": (1, 1)}


@pytest.mark.parametrize(("name", "header", "body"), CALLS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_call_that_ends_early_is_in_the_access_log_once(
    asgi_application, caplog, name, header, body, ending
):
    code, options = ENDINGS[ending]

    async def check():
        service = Waiting()
        connection = Connection(body)
        app = asgi_application(service, interceptors=[AccessLog()], **options)
        task = connection.call(app, name, header)
        await asyncio.wait_for(service.began.wait(), 30)
        if ending == "disconnect":
            connection.disconnect()
        elif ending != "deadline":
            message = "graceful shutdown" if ending.endswith("logs") else None
            task.cancel(msg=message)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 30)
        assert service.ended == ["cancelled"]

    caplog.set_level(logging.INFO, "connectrpc_server.access")
    asyncio.run(check())
    (record,) = [each for each in caplog.records if each.name == "connectrpc_server.access"]
    assert (record.rpc_code, record.rpc_received, record.rpc_sent) == (code, *COUNTS[name])


@pytest.mark.parametrize(("name", "header"), [("Unary", PROTO), ("Bidi", STREAM)])
def test_a_disconnect_inside_the_body_is_in_the_access_log(asgi_application, caplog, name, header):
    async def check():
        connection = Connection(b"\0", complete=False)
        connection.disconnect()
        app = asgi_application(Waiting(), interceptors=[AccessLog()])
        await asyncio.wait_for(connection.call(app, name, header), 30)

    caplog.set_level(logging.INFO, "connectrpc_server.access")
    asyncio.run(check())
    (record,) = caplog.records
    assert (record.rpc_code, record.rpc_received, record.rpc_sent) == ("canceled", 0, 0)
    assert record.rpc_peer is None
    assert f"test.v1.Echo/{name} connect canceled - " in record.getMessage()


@pytest.mark.parametrize("interceptors", [[], [AccessLog()]])
def test_a_handler_may_stop_waiting_for_a_request_and_wait_again(
    asgi_application, caplog, interceptors
):
    class Impatient(Waiting):
        async def bidi(self, requests, ctx):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(anext(requests), 0.01)
            self.began.set()
            yield await anext(requests)

    async def check():
        service = Impatient()
        connection = Connection(b"", complete=False)
        app = asgi_application(service, interceptors=interceptors)
        task = connection.call(app, "Bidi", STREAM)
        await asyncio.wait_for(service.began.wait(), 30)
        connection.events.put_nowait({"type": "http.request", "body": ENVELOPE})
        await asyncio.wait_for(task, 30)
        assert any(event.get("body") == ENVELOPE for event in connection.sent)

    caplog.set_level(logging.INFO, "connectrpc_server.access")
    asyncio.run(check())
    assert [each.rpc_received for each in caplog.records] == [1] * len(interceptors)
