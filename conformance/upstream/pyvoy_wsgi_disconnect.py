"""pyvoy over WSGI: nobody tells an application that its client is gone while an answer streams.

A bare WSGI application, pyvoy and pyqwest; nothing of this repository. A server closes an answer
that nobody reads any more (PEP 3333, "close()"): gunicorn does at the next chunk. pyvoy (1.3) asks
for chunk after chunk instead, for as long as there are some, and does not end before that.

    python upstream/pyvoy_wsgi_disconnect.py

It exits with 0 when the fault is there.
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
    """Streams without end; below `/seen` it says how much, and whether it was closed."""
    start_response("200 OK", [("content-type", "text/plain")])
    if environ["PATH_INFO"] == "/seen":
        return [f"{len(CHUNKS)} chunks, closed: {CLOSED.is_set()}".encode()]
    return stream()


def stream():
    end = time.monotonic() + 3 * SECONDS  # or the server would never end
    try:
        while time.monotonic() < end:
            CHUNKS.append(b"hello")
            yield CHUNKS[-1]
            time.sleep(0.01)
    finally:
        CLOSED.set()


async def main() -> bool:
    from pyvoy import PyvoyServer  # not in the process of the server

    async with PyvoyServer("pyvoy_wsgi_disconnect:application", interface="wsgi") as server:
        url = f"http://127.0.0.1:{server.listener_port}"
        client = pyqwest.Client(pyqwest.HTTPTransport(http_version=pyqwest.HTTPVersion.HTTP2))
        async with client.stream("GET", f"{url}/") as response:
            async for _ in response.content:
                break
        print("when the client leaves:", await seen(client, url))
        await asyncio.sleep(SECONDS)
        after = await seen(client, url)
        print(f"{SECONDS} seconds later:", after)
    return after.endswith("False")


async def seen(client: pyqwest.Client, url: str) -> str:
    response = await client.get(f"{url}/seen")
    return bytes(response.content).decode()


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
