"""uvicorn with zttp: it closes an HTTP/2 connection after about 257 cancelled requests.

This program has a bare ASGI application, uvicorn and pyqwest, and no code of this repository. A
client that cancels a request sends one RST_STREAM (RFC 9113, section 6.4). After about 257 of them
on one connection, however slowly they come, uvicorn 0.54 with zttp closes that connection. All
other requests in flight on it fail.

    python upstream/uvicorn_zttp_resets.py

The exit status is 0 if the fault is there. To try another server, give its command with `{port}`:

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
    """Begin a response, and return after the client disconnected."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(0.05)  # some servers report the end of the request again and again


async def cancel_early(client: pyqwest.Client, url: str) -> None:
    async with client.stream("GET", url) as response:
        async for _ in response.content:
            return


async def read_on(client: pyqwest.Client, url: str, began: asyncio.Event) -> None:
    async with client.stream("GET", url) as response:
        async for _ in response.content:
            began.set()


async def try_out(url: str) -> bool:
    # All requests share one connection.
    client = pyqwest.Client(pyqwest.HTTPTransport(http_version=pyqwest.HTTPVersion.HTTP2))
    began = asyncio.Event()
    other = asyncio.create_task(read_on(client, url, began))
    await asyncio.wait_for(began.wait(), 10)
    for cancelled in range(1, COUNT + 1):
        try:
            await asyncio.wait_for(cancel_early(client, url), 10)
        except Exception as error:
            print(f"request {cancelled} failed: {error!r}")
        await asyncio.sleep(0.01)  # at most 100 in a second, which is not a flood
        if other.done():
            print(
                f"after {cancelled} cancelled requests, another one failed: {other.exception()!r}"
            )
            return True
    print(f"{COUNT} requests were cancelled, and another request is still in flight")
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
