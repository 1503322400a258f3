"""The clients under test: `client.py NAME`, with the calls to make on standard input."""

import asyncio
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import _call_async
import _call_sync
import httpx
from _case import failed
from _stdio import read_messages, write_message
from _tls import client_context
from connectrpc.conformance.v1.client_compat_pb2 import ClientCompatRequest, ClientCompatResponse

_SIDE_BY_SIDE = 16
"""How many calls run at a time."""

C = TypeVar("C", httpx.AsyncClient, httpx.Client)


def main() -> None:
    """Make all calls on standard input, until its end."""
    _CLIENTS[sys.argv[1]](read_messages(ClientCompatRequest))


def httpx_async(requests: Iterable[ClientCompatRequest]) -> None:
    asyncio.run(_all_async(requests))


async def _all_async(requests: Iterable[ClientCompatRequest]) -> None:
    clients = _Clients(httpx.AsyncClient)
    slots = asyncio.Semaphore(_SIDE_BY_SIDE)
    iterator = iter(requests)
    async with asyncio.TaskGroup() as group:
        while (request := await asyncio.to_thread(next, iterator, None)) is not None:
            await slots.acquire()
            task = group.create_task(_one_async(request, clients.of(request)))
            task.add_done_callback(lambda _: slots.release())
    for client in clients.all():
        await client.aclose()


async def _one_async(request: ClientCompatRequest, client: httpx.AsyncClient) -> None:
    try:
        result = await _call_async.invoke(request, client)
    except Exception as error:
        write_message(failed(request, error))
    else:
        write_message(ClientCompatResponse(test_name=request.test_name, response=result))


def httpx_sync(requests: Iterable[ClientCompatRequest]) -> None:
    clients = _Clients(httpx.Client)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        for request in requests:
            pool.submit(_one_sync, request, clients.of(request))
    for client in clients.all():
        client.close()


def _one_sync(request: ClientCompatRequest, client: httpx.Client) -> None:
    try:
        result = _call_sync.invoke(request, client)
    except Exception as error:
        write_message(failed(request, error))
    else:
        write_message(ClientCompatResponse(test_name=request.test_name, response=result))


class _Clients(Generic[C]):
    """One HTTP client for each server, so that calls share connections as they do in programs."""

    def __init__(self, make: Callable[..., C]) -> None:
        self._make = make
        self._known: dict[tuple[int, bytes, bytes], C] = {}

    def of(self, request: ClientCompatRequest) -> C:
        """The client for the server of this call."""
        key = (request.port, request.server_tls_cert, request.client_tls_creds.cert)
        client = self._known.get(key)
        if client is None:
            # Proxies of the environment are not for servers of this machine.
            client = self._make(verify=client_context(request), timeout=None, trust_env=False)
            self._known[key] = client
        return client

    def all(self) -> Iterable[C]:
        """All that were made."""
        return self._known.values()


_CLIENTS: dict[str, Callable[[Iterable[ClientCompatRequest]], None]] = {
    "httpx-async": httpx_async,
    "httpx-sync": httpx_sync,
}


if __name__ == "__main__":
    main()
