"""Measure the layers of our server with one small unary call, without an HTTP server."""

import time
from collections.abc import Callable, Coroutine
from statistics import median
from typing import Any

import applications

from connectrpc_protocol.call import UnaryServerCall
from connectrpc_protocol.encoding.compression import Compressions
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.options import ServerOptions
from connectrpc_protocol.server import unary_server_method
from eliza.v1.eliza_connect import ELIZA_SERVICE_SAY
from eliza.v1.eliza_pb2 import SayRequest, SayResponse

BODY = SayRequest(sentence="I feel happy.").SerializeToString()
HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip"),
    (b"connection", b"keep-alive"),
    (b"user-agent", b"bench"),
    (b"content-type", b"application/proto"),
    (b"connect-protocol-version", b"1"),
    (b"content-length", str(len(BODY)).encode()),
]
SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "path": ELIZA_SERVICE_SAY.path,
    "root_path": "",
    "query_string": b"",
    "headers": HEADERS,
    "client": ("127.0.0.1", 50000),
}

_METHOD = unary_server_method(ELIZA_SERVICE_SAY, ServerOptions(compressions=Compressions(["gzip"])))


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": BODY, "more_body": False}


async def _send(event: Any) -> None:
    pass


def _run(coroutine: Coroutine[object, object, None]) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise RuntimeError("the application suspended, although nothing has to wait")


def messages() -> None:
    request = SayRequest.FromString(BODY)
    SayResponse(sentence=request.sentence).SerializeToString()


def core() -> None:
    call = _METHOD.accept("POST", HEADERS, b"", ("127.0.0.1", 50000))
    assert not isinstance(call, HttpResponse)
    _respond(call)


def _respond(call: UnaryServerCall[SayRequest, SayResponse]) -> None:
    request = call.request(BODY)
    call.response(call.encode(SayResponse(sentence=request.sentence)))


def bare_application() -> None:
    _run(applications.bare(SCOPE, _receive, _send))


def our_application() -> None:
    _run(applications.ours(SCOPE, _receive, _send))


LAYERS: dict[str, Callable[[], None]] = {
    "messages: parse, build, serialize": messages,
    "the core: accept, request, response": core,
    "a bare ASGI application": bare_application,
    "our ASGI application": our_application,
}


def measure(rounds: int = 30, calls: int = 2000) -> dict[str, float]:
    """Return microseconds per call of each layer: the median of rounds, taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in LAYERS}
    for _ in range(rounds):
        for name, function in LAYERS.items():
            started = time.perf_counter()
            for _ in range(calls):
                function()
            times[name].append((time.perf_counter() - started) / calls * 1e6)
    return {name: median(values) for name, values in times.items()}
