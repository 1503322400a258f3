"""`conformance/run.py`: a row that stalls prints what it waits for, and fails in bounded time.

Each test has a program under test that stalls on purpose, and a runner that starts it, calls it
and is silent after that, as the suite's runner is while a call does not end.
"""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "conformance"

STALL_SECONDS = 2
"""Twenty times the pause between two lines of the runner below, so that load is not a stall."""

TIMEOUT = 120

# Starts the program under test, prints lines until the program is ready and then the name of the
# case, calls a server if the program is one, and waits until it is killed.
RUNNER = """\
#!{python}
import http.client, subprocess, sys, threading, time
print("Computed 9999 test case permutation(s) across 4 server configuration(s).", flush=True)
command = sys.argv[sys.argv.index("--") + 1 :]
program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
ready = []
threading.Thread(target=lambda: ready.append(program.stdout.readline()), daemon=True).start()
print('Sending request for "Done/case"...', flush=True)
print('Received response for "Done/case"...', flush=True)
print('Sending request for "Stalling/case"...', flush=True)
while not ready:
    print("the program starts", flush=True)
    time.sleep(0.1)
if ready[0].strip().isdigit():
    connection = http.client.HTTPConnection("127.0.0.1", int(ready[0]))
    connection.request("POST", "/path", b"body", {{"x-test-case-name": "Stalling/case"}})
time.sleep(600)
"""

ASGI_SERVER = """\
import asyncio
import uvicorn
from common.stall_report import report_on_request
from server.watched import watched_asgi

async def application(scope, receive, send):
    async def requests():
        while True:
            yield await receive()

    await send({"type": "http.response.start", "status": 200, "headers": []})
    async for request in requests():
        await stall_on_purpose()

async def stall_on_purpose():
    await asyncio.Event().wait()

class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup()
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)

report_on_request()
Server(uvicorn.Config(watched_asgi(application), port=0, lifespan="off")).run()
"""

WSGI_SERVER = """\
import socketserver
import threading
from wsgiref.simple_server import WSGIServer, make_server
from common.stall_report import report_on_request
from server.watched import watched_wsgi

def application(environ, start_response):
    start_response("200 OK", [])
    yield b"response"
    stall_on_purpose()

def stall_on_purpose():
    threading.Event().wait()

class Server(socketserver.ThreadingMixIn, WSGIServer):
    pass

report_on_request()
server = make_server("127.0.0.1", 0, watched_wsgi(application), server_class=Server)
print(server.server_port, flush=True)
server.serve_forever()
"""

ASYNC_CLIENT = """\
import asyncio
from common.in_flight import in_flight
from common.stall_report import report_on_request

async def main():
    call = asyncio.create_task(stall_on_purpose())
    with in_flight("Stalling/case", call):
        print("ready", flush=True)
        await call

async def stall_on_purpose():
    await asyncio.Event().wait()

report_on_request()
asyncio.run(main())
"""

SYNC_CLIENT = """\
import threading
from common.in_flight import in_flight
from common.stall_report import report_on_request

def stall_on_purpose():
    print("ready", flush=True)
    threading.Event().wait()

report_on_request()
with in_flight("Stalling/case"):
    stall_on_purpose()
"""

BLOCKED_CLIENT = """\
import ctypes
from common.stall_report import report_on_request

def stall_on_purpose():
    print("ready", flush=True)
    ctypes.PyDLL(None).sleep(600)  # `PyDLL` keeps the lock of the interpreter

report_on_request()
stall_on_purpose()
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the command to a folder where everything is built but the suite's runner."""
    shutil.copytree(FOLDER, tmp_path / "conformance")
    protos = suite_of(tmp_path) / "proto"
    protos.mkdir(parents=True)
    (protos / "empty.proto").write_text('syntax = "proto3";\n')
    runner = suite_of(tmp_path) / "connectconformance"
    runner.write_text(RUNNER.format(python=sys.executable))
    runner.chmod(0o700)
    return tmp_path


def suite_of(copy: Path) -> Path:
    version = runpy.run_path(str(FOLDER / "runner" / "build_suite.py"))["VERSION"]
    return copy / ".build" / "conformance" / version


def run(copy: Path, row: str, program: str) -> str:
    """Run a row with `program` as its server or client; return the output of the failed run."""
    side = "client" if row.startswith("httpx") else "server"
    (copy / "conformance" / side / "__main__.py").write_text(program)
    command = [sys.executable, str(copy / "conformance" / "run.py"), f"--row={row}"]
    command.append(f"--stall={STALL_SECONDS}")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"{row}: stopped: no output for {STALL_SECONDS} s" in done.stdout
    cases = re.search(rf"{row}: 1 cases in flight:\n *\d+\.\d s  Stalling/case\n", done.stdout)
    assert cases, done.stdout
    return done.stdout


@pytest.mark.parametrize(
    ("row", "program"),
    [
        ("uvicorn-h11", ASGI_SERVER),
        ("gunicorn-gthread", WSGI_SERVER),
        ("httpx-async", ASYNC_CLIENT),
        ("httpx-sync", SYNC_CLIENT),
    ],
)
def test_a_program_that_stalls_reports_its_calls_and_stacks(
    copy: Path, row: str, program: str
) -> None:
    output = run(copy, row, program)
    calls, _, rest = output.partition("--- calls in flight: 1\n")[2].partition("--- tasks: ")
    assert re.match(r" *\d+\.\d s  Stalling/case", calls), output
    assert ", in stall_on_purpose" in calls
    tasks, _, threads = rest.partition("--- threads\n")
    assert (", in stall_on_purpose" in tasks) == ("async def" in program)
    assert re.search(r"Thread 0x\w+ .*\(most recent call first\)", threads), output


def test_the_report_of_an_asgi_server_has_the_events_of_each_call(copy: Path) -> None:
    output = run(copy, "uvicorn-h11", ASGI_SERVER)
    events = [
        "send() begins: http.response.start",
        "send() returned",
        "receive() begins",
        "receive() returned http.request, 4 bytes",
    ]
    pattern = "\n".join(rf" *\d+\.\d s ago: {re.escape(event)}" for event in events)
    assert re.search(rf"Stalling/case \(HTTP/1\.1\)\n{pattern}\n", output), output


def test_a_program_whose_interpreter_is_blocked_shows_the_stacks_of_its_threads(
    copy: Path,
) -> None:
    output = run(copy, "httpx-async", BLOCKED_CLIENT)
    assert re.search(r"httpx-async: process \d+ did not report in time;", output), output
    assert re.search(r"__main__.py\", line \d+ in stall_on_purpose", output), output
