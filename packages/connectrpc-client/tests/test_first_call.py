"""Calls that are made in the same thread while the first call of the same client has not ended.

The garbage collector may run a finalizer at any time, and a signal handler may run as well. These
programs make the second call where the first one imports or makes something.
"""

import asyncio
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import Cancellation
from connectrpc_client._transports.interruptible.event_loop import background_loop

PROGRAM = """
import asyncio, faulthandler, sys
faulthandler.dump_traceback_later(60, exit=True)
url, kind, place, library = sys.argv[1:]
if library == "httpx":
    sys.modules["pyqwest"] = None
from google.protobuf.wrappers_pb2 import StringValue
from connectrpc_client import Cancellation, Client, ClientSync, Method, MethodKind
from connectrpc_client.testing import ASGITransportSync

METHOD = Method(
    service="test.v1.Echo", name="Unary", kind=MethodKind.UNARY,
    request=StringValue, response=StringValue,
)

async def app(scope, receive, send):
    headers = [(b"content-type", b"application/proto")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})

def call():
    if kind == "async":
        return client._call_unary(METHOD, StringValue())
    cancellation = Cancellation() if kind == "cancellation" else None
    return client._call_unary(METHOD, StringValue(), cancellation=cancellation)

calls_inside = []

def call_inside():
    if calls_inside:
        return
    calls_inside.append("begun")
    try:
        output = call()
        if kind == "async":  # another task cannot run now, so this call cannot go on
            output.send(None)
            output.close()
    except Exception as error:
        calls_inside.append(repr(error))
    else:
        calls_inside.append("succeeded")

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == place:
            call_inside()

class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        if place == "event loop":
            call_inside()
        return super().new_event_loop()

if kind == "asgi":
    client = ClientSync(url, http_client=ASGITransportSync(app))
else:
    client = (Client if kind == "async" else ClientSync)(url)
sys.meta_path.insert(0, Finder())
if place == "event loop":
    asyncio.set_event_loop_policy(Policy())
for _ in range(2):
    output = asyncio.run(call()) if kind == "async" else call()
    assert output.message == StringValue()
assert len(calls_inside) == 2, calls_inside
if place == "event loop":
    assert calls_inside[1] == "succeeded", calls_inside
else:
    assert "UNAVAILABLE" in calls_inside[1] and "finalizer" in calls_inside[1], calls_inside
"""


class Handler(BaseHTTPRequestHandler):
    """Responds with an empty message."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/proto")
        self.send_header("content-length", "0")
        self.send_header("connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(30)
    server.server_close()


@pytest.mark.parametrize(
    ("place", "library"),
    [
        ("connectrpc_client._transports.httpx", "httpx"),
        ("httpx", "httpx"),
        ("httpx._client", "httpx"),
        ("httpcore", "httpx"),
        ("encodings.idna", "httpx"),
        ("connectrpc_client._transports.pyqwest.options", "pyqwest"),
    ],
)
@pytest.mark.parametrize("kind", ["sync", "async", "cancellation"])
def test_a_call_during_the_import_of_the_http_library(url, kind, place, library):
    run(url, kind, place, library)


@pytest.mark.parametrize("place", ["anyio._backends._asyncio", "anyio._core._sockets"])
@pytest.mark.parametrize("kind", ["async", "cancellation"])
def test_a_call_during_the_import_of_what_connections_need(url, kind, place):
    run(url, kind, place, "httpx")


@pytest.mark.parametrize("library", ["httpx", "pyqwest"])
def test_a_call_in_the_event_loop_in_the_background(make_caller, url, library, monkeypatch):
    """A finalizer may run in any thread."""
    if library == "httpx":
        monkeypatch.setitem(sys.modules, "pyqwest", None)
    with make_caller("sync").make(url, http_client=None) as client:

        async def call():
            return client.call_unary("a", cancellation=Cancellation())

        done = asyncio.run_coroutine_threadsafe(call(), background_loop())
        assert done.result(60).message == StringValue()


@pytest.mark.parametrize(
    ("kind", "library"), [("cancellation", "httpx"), ("cancellation", "pyqwest"), ("asgi", "httpx")]
)
def test_a_call_while_the_event_loop_in_the_background_is_made(url, kind, library):
    run(url, kind, "event loop", library)


def run(*arguments):
    subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=True, timeout=120)
