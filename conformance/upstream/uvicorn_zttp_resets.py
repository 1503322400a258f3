"""uvicorn with zttp: an HTTP/2 connection lives for about 257 requests that are given up.

A bare ASGI application, uvicorn and pyqwest; nothing of this repository. A client that gives up a
request sends one RST_STREAM (RFC 9113, section 6.4). Once there were some 257 of them in the life
of a connection, however slowly they come, uvicorn 0.54 with zttp ends that connection. What else is
under way on it fails.

    python upstream/uvicorn_zttp_resets.py

It exits with 0 when the fault is there. Other servers can be tried, by a command that has `{port}`:

    python upstream/uvicorn_zttp_resets.py hypercorn --bind 127.0.0.1:{port} APP
    python upstream/uvicorn_zttp_resets.py pyvoy --port {port} APP
"""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pyqwest

COUNT = 600
UVICORN = ["uvicorn", "--http", "zttp", "--http2", "--lifespan", "off", "--port", "{port}", "APP"]


async def application(scope, receive, send) -> None:
    """Begins an answer, and ends when its client has left."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(0.05)  # for servers that repeat the end of the request


async def leave_early(client: pyqwest.Client, url: str) -> None:
    async with client.stream("GET", url) as response:
        async for _ in response.content:
            return


async def stay(client: pyqwest.Client, url: str, began: asyncio.Event) -> None:
    async with client.stream("GET", url) as response:
        async for _ in response.content:
            began.set()


async def try_out(url: str) -> bool:
    # All requests share one connection.
    client = pyqwest.Client(pyqwest.HTTPTransport(http_version=pyqwest.HTTPVersion.HTTP2))
    began = asyncio.Event()
    other = asyncio.create_task(stay(client, url, began))
    await asyncio.wait_for(began.wait(), 10)
    for left in range(1, COUNT + 1):
        try:
            await asyncio.wait_for(leave_early(client, url), 10)
        except Exception as error:
            print(f"request {left} failed: {error!r}")
        await asyncio.sleep(0.01)  # no flood: at most 100 in a second
        if other.done():
            print(f"after {left} requests left early, another one ended: {other.exception()!r}")
            return True
    print(f"{COUNT} requests were left early, and another one is still under way")
    other.cancel()
    return False


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    name, *rest = sys.argv[1:] or UVICORN
    values = {"{port}": port, "APP": f"{Path(__file__).stem}:application"}
    arguments = [values.get(each, each.replace("{port}", port)) for each in rest]
    here = Path(__file__).parent
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    silence = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=here, stdout=silence, stderr=silence) as server:
        try:
            is_faulty = asyncio.run(_when_up(port))
        finally:
            server.terminate()
    sys.exit(0 if is_faulty else 1)


async def _when_up(port: str) -> bool:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", int(port))
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            break
    return await try_out(f"http://127.0.0.1:{port}/")


if __name__ == "__main__":
    main()
