"""pyvoy over WSGI: it does not close a response stream after the client disconnected.

This program has a bare WSGI application, pyvoy and pyqwest, and no code of this repository. After
its client disconnected, a server closes the iterable of the response (PEP 3333, "close()").
gunicorn does so at the next chunk. pyvoy 1.3 takes chunk after chunk until the iterable ends, and
its process does not exit before that.

    python upstream/pyvoy_wsgi_disconnect.py

The exit status is 0 if the fault is there.
"""

import asyncio
import sys
import threading
import time

import pyqwest

SECONDS = 5
CHUNKS: list[bytes] = []
CLOSED = threading.Event()


def application(environ, start_response):
    """Stream chunks; at `/seen`, return their number and whether the stream was closed."""
    start_response("200 OK", [("content-type", "text/plain")])
    if environ["PATH_INFO"] == "/seen":
        return [f"{len(CHUNKS)} chunks, closed: {CLOSED.is_set()}".encode()]
    return stream()


def stream():
    end = time.monotonic() + 3 * SECONDS  # otherwise the server would never exit
    try:
        while time.monotonic() < end:
            CHUNKS.append(b"hello")
            yield CHUNKS[-1]
            time.sleep(0.01)
    finally:
        CLOSED.set()


async def main() -> bool:
    from pyvoy import PyvoyServer  # the process of the server must not import it

    async with PyvoyServer("pyvoy_wsgi_disconnect:application", interface="wsgi") as server:
        url = f"http://127.0.0.1:{server.listener_port}"
        client = pyqwest.Client(pyqwest.HTTPTransport(http_version=pyqwest.HTTPVersion.HTTP2))
        async with client.stream("GET", f"{url}/") as response:
            async for _ in response.content:
                break
        print("when the client disconnects:", await seen(client, url))
        await asyncio.sleep(SECONDS)
        after = await seen(client, url)
        print(f"{SECONDS} seconds later:", after)
    return after.endswith("False")


async def seen(client: pyqwest.Client, url: str) -> str:
    response = await client.get(f"{url}/seen")
    return bytes(response.content).decode()


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
