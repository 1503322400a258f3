"""httpx over HTTP/2: requests fail because others on their connection were cancelled.

This program has a bare ASGI application, Hypercorn and `httpx.AsyncClient`, and no code of this
repository. It cancels half of the requests while they wait. The others wait for their response and
should get it. httpx 0.28 does not reset the stream of a cancelled request, so the connection soon
reaches its limit of streams. The error depends on the timing: "Max outbound streams is 100, 100
open" or "semaphore released too many times".

    python upstream/httpx_http2.py
"""

import asyncio
import logging
import socket
from collections import Counter

import httpx
from hypercorn.asyncio import serve
from hypercorn.config import Config

_ROUNDS = 30
_REQUESTS = 16


async def application(scope, receive, send) -> None:
    """Read the request, wait 20 ms and respond."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    await asyncio.sleep(0.02)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x" * 1000})


async def main() -> None:
    logging.disable()  # the server logs the connections that are closed below
    listener = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.loglevel = "ERROR"
    is_over = asyncio.Event()
    server = asyncio.create_task(serve(application, config, shutdown_trigger=is_over.wait))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    for kind in ("one connection", "one connection for each request"):
        outcomes: Counter[str] = Counter()
        async with httpx.AsyncClient(http1=False, http2=True, timeout=10) as client:
            for _ in range(_ROUNDS):
                await _round(client if kind == "one connection" else None, url, outcomes)
        print(f"{kind}: {dict(outcomes)}")
    is_over.set()
    await server


async def _round(client: httpx.AsyncClient | None, url: str, outcomes: Counter[str]) -> None:
    tasks = [asyncio.create_task(_request(client, url)) for _ in range(_REQUESTS)]
    await asyncio.sleep(0.01)
    for task in tasks[::2]:
        task.cancel()
    for result in (await asyncio.gather(*tasks, return_exceptions=True))[1::2]:
        outcomes["response" if isinstance(result, bytes) else repr(result)[:60]] += 1


async def _request(client: httpx.AsyncClient | None, url: str) -> bytes:
    if client is not None:
        return (await client.post(url, content=b"hello")).content
    async with httpx.AsyncClient(http1=False, http2=True, timeout=10) as own:
        return (await own.post(url, content=b"hello")).content


if __name__ == "__main__":
    asyncio.run(main())
