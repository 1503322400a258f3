"""One async client in several event loops: one after the other, in threads, and both."""

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import httpx2
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import ConnectError

SECONDS = 60


class Server(ThreadingHTTPServer):
    """Echoes requests, and knows how many connections are open."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.opened = self.open = 0
        self.changed = threading.Condition()

    def process_request(self, *args) -> None:
        with self.changed:
            self.opened += 1
            self.open += 1
        super().process_request(*args)

    def shutdown_request(self, *args) -> None:
        super().shutdown_request(*args)
        with self.changed:
            self.open -= 1
            self.changed.notify_all()

    def wait_until_open(self, number: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.open == number, SECONDS), self.open


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/proto")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def echo():
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join(30)
    server.server_close()


@pytest.fixture(params=["httpx", "pyqwest"])
def library(request, monkeypatch):
    if request.param == "httpx":
        monkeypatch.setitem(sys.modules, "pyqwest", None)
    return request.param


@pytest.fixture
def client(make_caller, echo, library):
    return make_caller("async").make(f"http://127.0.0.1:{echo.server_port}", http_client=None)


async def call(client, text="a"):
    assert (await client.call_write(text)).message == StringValue(value=text)


async def call_twice(client):
    await call(client)
    await call(client)


def test_several_runs(client, echo, library):
    for _ in range(4):
        asyncio.run(call_twice(client))
    if library == "httpx":
        assert echo.opened == 4
        echo.wait_until_open(0)


def test_loops_in_several_threads(client):
    begin = threading.Barrier(4)

    def run(number):
        begin.wait(SECONDS)
        for text in range(3):
            asyncio.run(call(client, f"{number} {text}"))

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(run, number) for number in range(4)]:
            future.result(SECONDS)


def test_a_loop_inside_the_time_of_another(client):
    async def main():
        await call(client)
        await asyncio.to_thread(asyncio.run, call(client))
        await call(client)

    asyncio.run(main())
    asyncio.run(main())


# Only `shutdown_asyncgens` tells the client that the loop ends. Without it asyncio warns.
@pytest.mark.filterwarnings("ignore:Exception ignored:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("is_shut_down", [True, False])
def test_a_loop_is_garbage_collected(client, is_shut_down):
    async def main():
        await call(client)
        return weakref.ref(asyncio.get_running_loop())

    loop = asyncio.new_event_loop()
    found = loop.run_until_complete(main())
    if is_shut_down:
        loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    del loop
    gc.collect()
    assert found() is None


@pytest.mark.filterwarnings("ignore:asynchronous generator:ResourceWarning")
def test_calls_after_the_shutdown_of_generators(client):
    async def main():
        await call(client)
        await asyncio.get_running_loop().shutdown_asyncgens()
        await call(client)
        await client.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("library", ["httpx"], indirect=True)
def test_closing_ends_the_connections_of_all_running_loops(client, echo):
    with asyncio.Runner() as other:
        other.run(call(client))
        has_closed = threading.Event()

        async def wait():
            await asyncio.to_thread(has_closed.wait, SECONDS)
            await asyncio.to_thread(echo.wait_until_open, 0)

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(other.run, wait())

            async def main():
                await call(client)
                await asyncio.to_thread(echo.wait_until_open, 2)
                await client.aclose()

            asyncio.run(main())
            has_closed.set()
            waiting.result(SECONDS)
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(call(client))


def test_closing_in_another_loop(client, echo):
    asyncio.run(call(client))
    asyncio.run(client.aclose())
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(call(client))


@pytest.mark.parametrize("library", ["httpx"], indirect=True)
def test_a_dropped_client_closes_its_connections(make_caller, echo, library):
    url = f"http://127.0.0.1:{echo.server_port}"

    async def main():
        await call(make_caller("async").make(url, http_client=None))
        gc.collect()
        await asyncio.to_thread(echo.wait_until_open, 0)

    asyncio.run(main())


# asyncio warns of the connection whose loop was closed.
@pytest.mark.filterwarnings("ignore:Exception ignored:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("http_library", [httpx, httpx2])
def test_a_given_client_in_several_loops(make_caller, echo, http_library):
    """The connections of a given client cannot be kept apart."""
    given = http_library.AsyncClient()
    client = make_caller("async").make(f"http://127.0.0.1:{echo.server_port}", http_client=given)
    asyncio.run(call(client))
    with pytest.raises(ConnectError, match=r"unavailable.*another event loop"):
        asyncio.run(call(client))
    del client, given
    gc.collect()  # so that the warning comes in this test


# asyncio warns of the connections whose loop was closed.
@pytest.mark.filterwarnings("ignore:Exception ignored:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize("http_library", [None, httpx, httpx2])
def test_a_stream_of_another_loop(make_caller, live_server, http_library, is_closed, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyqwest", None)
    given = http_library and http_library.AsyncClient()
    read_in_two_loops(make_caller("async").make(live_server.url, http_client=given), is_closed)
    del given
    gc.collect()  # so that the warnings come in this test


def read_in_two_loops(client, is_closed):
    async def begin():
        output = await client.call_server("a")
        await anext(output)
        return output

    loop = asyncio.new_event_loop()
    read, dropped = loop.run_until_complete(begin()), loop.run_until_complete(begin())
    if is_closed:
        loop.close()

    async def use():
        for _ in range(2):
            with pytest.raises(ConnectError, match=r"unavailable.*another event loop"):
                await anext(read)
        await dropped.aclose()

    asyncio.run(use())
    loop.close()


PROGRAM = """
import asyncio, gc, sys
if sys.argv[2] == "httpx":
    sys.modules["pyqwest"] = None
from google.protobuf.wrappers_pb2 import StringValue
from connectrpc_client import Client, Method, MethodKind

METHOD = Method(
    service="test.v1.Echo", name="Unary", kind=MethodKind.UNARY,
    request=StringValue, response=StringValue,
)

async def main():
    await client._call_unary(METHOD, StringValue())

client = Client(sys.argv[1])
for _ in range(3):
    asyncio.run(main())
    gc.collect()
"""


@pytest.mark.parametrize("library", ["httpx", "pyqwest"])
def test_no_warnings(echo, library):
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "dev",
            "-c",
            PROGRAM,
            f"http://127.0.0.1:{echo.server_port}",
            library,
        ],
        check=True,
        timeout=SECONDS,
        capture_output=True,
        text=True,
    )
    assert "Warning" not in done.stderr, done.stderr
