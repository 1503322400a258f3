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


GIVEN = """
import os, sys
import pyqwest
from google.protobuf.wrappers_pb2 import StringValue
from connectrpc_client import ClientSync, Method, MethodKind

METHOD = Method(
    service="test.v1.Echo", name="Unary", kind=MethodKind.UNARY,
    request=StringValue, response=StringValue,
)

client = ClientSync(sys.argv[1], http_client=pyqwest.SyncClient())
client._call_unary(METHOD, StringValue())
child = os.fork()
if child == 0:
    try:
        client._call_unary(METHOD, StringValue())
    except RuntimeError as error:
        os._exit(0 if "forked" in str(error) else 1)
    os._exit(2)
status = os.waitpid(child, 0)[1]
assert status == 0, status
client._call_unary(METHOD, StringValue())
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


def test_a_given_pyqwest_client_is_refused_in_the_child(url):
    subprocess.run([sys.executable, "-c", GIVEN, url], check=True, timeout=60)


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
