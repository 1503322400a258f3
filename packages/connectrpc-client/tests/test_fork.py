"""Clients in processes that fork, as servers with preloaded applications do."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PROGRAM = """
import os, sys
from google.protobuf.wrappers_pb2 import StringValue
from connectrpc_client import ClientSync, Method, MethodKind

METHOD = Method(
    service="test.v1.Echo", name="Unary", kind=MethodKind.UNARY,
    request=StringValue, response=StringValue,
)

class Echo(ClientSync):
    def port(self):
        return self._call_unary(METHOD, StringValue()).headers["x-port"]

client = Echo(sys.argv[1])
before = client.port()
child = os.fork()
if child == 0:
    os._exit(0 if client.port() != before else 1)
status = os.waitpid(child, 0)[1]
assert status == 0, "the child used the connection of its parent"
assert client.port() == before, "the parent lost its connection"
"""


class Handler(BaseHTTPRequestHandler):
    """Responds with the port of the client's connection."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/proto")
        self.send_header("content-length", "0")
        self.send_header("x-port", str(self.client_address[1]))
        self.send_header("x-agent", self.headers["user-agent"])
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


def test_a_child_opens_connections_of_its_own(url):
    subprocess.run([sys.executable, "-c", PROGRAM, url], check=True, timeout=60)


COMMON = """
import asyncio, os, sys
from importlib import import_module
from google.protobuf.wrappers_pb2 import StringValue
from connectrpc_client import Client, ClientSync, Method, MethodKind

METHOD = Method(
    service="test.v1.Echo", name="Unary", kind=MethodKind.UNARY,
    request=StringValue, response=StringValue,
)
url, library, kind = sys.argv[1:]
module = import_module(library)
is_async = kind == "async"
if library == "pyqwest":
    make_http_client = module.Client if is_async else module.SyncClient
else:
    make_http_client = module.AsyncClient if is_async else module.Client

runners = [asyncio.Runner()]  # an httpx client works in one event loop only

def make(http_client):
    return (Client if is_async else ClientSync)(url, http_client=http_client)

def call(client):
    output = client._call_unary(METHOD, StringValue())
    return runners[-1].run(awaited(output)) if is_async else output

def use_directly(http_client):
    output = http_client.post(url, content=b"", headers={"content-length": "0"})
    return runners[-1].run(awaited(output)) if is_async else output

async def awaited(output):
    return await output

def refused(client):
    try:
        call(client)
    except RuntimeError as error:
        return "before this process was forked" in str(error)
    return False

def in_child(check):
    child = os.fork()
    if child == 0:
        is_right = False
        runners.append(asyncio.Runner())
        try:
            is_right = check()
        finally:
            os._exit(0 if is_right else 1)
    status = os.waitpid(child, 0)[1]
    assert status == 0, status
"""

GIVEN = """
client = make(make_http_client())
call(client)
in_child(lambda: refused(client))
call(client)
"""

# Another client, and the user's own code, used the HTTP client.
GIVEN_TO_ANOTHER = """
http_client = make_http_client()
client = make(http_client)
use_directly(http_client)
in_child(lambda: refused(client) and refused(make(http_client)))
in_child(lambda: refused(make(http_client)))
"""

# No client has seen the HTTP client before the fork.
GIVEN_IN_CHILD = """
http_client = make_http_client()
use_directly(http_client)
in_child(lambda: refused(make(http_client)))
"""

# HTTP clients that use the connections of another one: they have the same transport.
SHARED_TRANSPORT = """
async_prefix = "Async" if is_async else ""
transport = getattr(module, async_prefix + "HTTPTransport")()

class Wrapper(getattr(module, async_prefix + "BaseTransport")):
    if is_async:
        async def handle_async_request(self, request):
            return await transport.handle_async_request(request)
    else:
        def handle_request(self, request):
            return transport.handle_request(request)

    def __init__(self):
        self.wrapped = transport

def make_shared(transport):
    return getattr(module, async_prefix + "Client")(transport=transport)

shared = [make_shared(transport), make_shared(Wrapper())]
use_directly(shared[0])
unused = [make(make_shared(transport)), make(make_shared(Wrapper()))]
in_child(lambda: all(refused(client) for client in unused))
in_child(lambda: all(refused(make(http_client)) for http_client in shared))
"""

MADE_IN_CHILD = """
used_in_parent = module.__name__ != "pyqwest" and use_directly(make_http_client())

def check():
    http_client = make_http_client()
    use_directly(http_client)
    return call(make(http_client)) is not None

in_child(check)
"""

GIVEN_UNUSED = """
client = make(make_http_client())
in_child(lambda: call(client) is not None)
call(client)
"""

MADE_UNUSED = """
client = make(make_http_client())
in_child(lambda: refused(client))
"""

DIRECTLY_USED = """
use_directly(make_http_client())
in_child(lambda: "httpx" in call(make(None)).headers["x-agent"])
"""

UNUSED = """
import os, sys
from google.protobuf.wrappers_pb2 import StringValue
from connectrpc_client import ClientSync, Method, MethodKind

METHOD = Method(
    service="test.v1.Echo", name="Unary", kind=MethodKind.UNARY,
    request=StringValue, response=StringValue,
)

class Echo(ClientSync):
    def agent(self):
        return self._call_unary(METHOD, StringValue()).headers["x-agent"]

client = Echo(sys.argv[1])
child = os.fork()
if child == 0:
    os._exit(0 if "pyqwest" in client.agent() else 1)
status = os.waitpid(child, 0)[1]
assert status == 0, status
assert "pyqwest" in client.agent()
"""


def run(program, *arguments):
    subprocess.run([sys.executable, "-c", COMMON + program, *arguments], check=True, timeout=60)


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("library", ["httpx", "httpx2", "pyqwest"])
@pytest.mark.parametrize(
    "program",
    [
        pytest.param(GIVEN, id="by this client"),
        pytest.param(GIVEN_TO_ANOTHER, id="directly"),
        pytest.param(GIVEN_IN_CHILD, id="before any client"),
    ],
)
def test_a_used_http_client_is_refused_in_the_child(url, program, library, kind):
    """The child must not read responses from the connections of its parent."""
    run(program, url, library, kind)


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_the_transport_of_a_used_http_client_is_refused_in_the_child(url, library, kind):
    run(SHARED_TRANSPORT, url, library, kind)


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("library", ["httpx", "httpx2", "pyqwest"])
def test_an_http_client_made_in_the_child(url, library, kind):
    run(MADE_IN_CHILD, url, library, kind)


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_an_unused_http_client(url, library, kind):
    run(GIVEN_UNUSED, url, library, kind)


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_a_pyqwest_client_of_the_parent_is_refused_even_if_unused(url, kind):
    """Its threads have started in the parent, and calls would wait forever."""
    run(MADE_UNUSED, url, "pyqwest", kind)


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_a_default_client_if_the_users_code_has_used_pyqwest(url, kind):
    run(DIRECTLY_USED, url, "pyqwest", kind)


def test_a_client_that_makes_its_first_call_after_the_fork(url):
    subprocess.run([sys.executable, "-c", UNUSED, url], check=True, timeout=60)


THREADS = """
import asyncio, os, threading
from connectrpc_client._transports.interruptible.event_loop import background_loop
from connectrpc_client._transports.interruptible.worker_thread import run_in_worker_thread

async def number():
    return 42

def work():
    done = threading.Event()
    run_in_worker_thread(done.set)
    assert done.wait(30)
    return asyncio.run_coroutine_threadsafe(number(), background_loop()).result(30)

assert work() == 42
loop = background_loop()
child = os.fork()
if child == 0:
    os._exit(0 if work() == 42 and background_loop() is not loop else 1)
status = os.waitpid(child, 0)[1]
assert status == 0, status
assert work() == 42 and background_loop() is loop
"""


def test_a_child_starts_threads_of_its_own():
    subprocess.run([sys.executable, "-c", THREADS], check=True, timeout=60)
