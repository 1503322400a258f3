"""Make calls with a client under test: `python -m client httpx|pyqwest async|sync`.

The suite's runner sends the calls on standard input.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from connectrpc.conformance.v1.client_compat_pb2 import (
    ClientCompatRequest,
    ClientCompatResponse,
    ClientResponseResult,
)
from connectrpc.conformance.v1.config_pb2 import HTTPVersion

from client import call_async, call_sync, http_clients
from client.result import failed
from common.in_flight import in_flight
from common.stall_report import report_on_request
from common.stdio import read_messages, write_message

_CALLS_IN_FLIGHT = 4
"""How many calls are in flight at a time. With many more, the suite's servers race: README.md."""

C = TypeVar("C")


def main() -> None:
    """Make the calls on standard input until it ends."""
    report_on_request()
    library, kind = sys.argv[1:]
    requests = read_messages(ClientCompatRequest)
    make = getattr(http_clients, f"{library}_{kind}")
    shares_http2 = library in http_clients.SHARE_HTTP2
    if kind == "async":
        asyncio.run(_all_async(requests, _Clients(make, shares_http2=shares_http2)))
    else:
        _all_sync(requests, _Clients(make, shares_http2=shares_http2))


class _Clients(Generic[C]):
    """HTTP clients, one for each server, so that calls share connections as in real programs."""

    def __init__(self, make: Callable[[ClientCompatRequest], C], *, shares_http2: bool) -> None:
        self._make = make
        self._shares_http2 = shares_http2
        self._clients: dict[object, C] = {}
        self._lock = threading.Lock()

    def of(self, request: ClientCompatRequest) -> C:
        """Return the client for this call; other calls may share it."""
        if request.http_version == HTTPVersion.HTTP_VERSION_2 and not self._shares_http2:
            return self._make(request)
        key = (
            request.http_version,
            request.port,
            request.server_tls_cert,
            request.client_tls_creds.cert,
        )
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(request)
            return self._clients[key]


async def _all_async(
    requests: Iterable[ClientCompatRequest], clients: _Clients[call_async.HttpClient]
) -> None:
    slots = asyncio.Semaphore(_CALLS_IN_FLIGHT)
    iterator = iter(requests)

    async def make_call(request: ClientCompatRequest) -> None:
        try:
            call = call_async.invoke(request, clients.of(request))
            with in_flight(request.test_name, call):
                result = await call
        except Exception as error:
            write_message(failed(request, error))
        else:
            _write(request, result)
        finally:
            slots.release()

    async with asyncio.TaskGroup() as group:
        while (request := await asyncio.to_thread(next, iterator, None)) is not None:
            await slots.acquire()
            group.create_task(make_call(request))


def _all_sync(
    requests: Iterable[ClientCompatRequest], clients: _Clients[call_sync.HttpClient]
) -> None:
    def make_call(request: ClientCompatRequest) -> None:
        try:
            with in_flight(request.test_name):
                result = call_sync.invoke(request, clients.of(request))
        except Exception as error:
            write_message(failed(request, error))
        else:
            _write(request, result)

    with ThreadPoolExecutor(_CALLS_IN_FLIGHT) as pool:
        for request in requests:
            pool.submit(make_call, request)


def _write(request: ClientCompatRequest, result: ClientResponseResult) -> None:
    write_message(ClientCompatResponse(test_name=request.test_name, response=result))


if __name__ == "__main__":
    main()
