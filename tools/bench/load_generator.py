"""A load generator: raw HTTP/1.1 over asyncio, so that it needs less CPU time than the server."""

import asyncio
import time
from typing import cast


class _Connection(asyncio.Protocol):
    """Sends one request after the other. All responses have the same size."""

    def __init__(self, request: bytes, response_size: int) -> None:
        self._request = request
        self._response_size = response_size
        self._received = 0
        self._is_running = True
        self.calls = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.WriteTransport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received >= self._response_size:
            self._received -= self._response_size
            self.calls += 1
            if self._is_running:
                self._transport.write(self._request)
            else:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            if self._is_running:
                self.done.set_exception(ConnectionError("the server closed the connection"))
            else:
                self.done.set_result(None)

    def stop(self) -> None:
        self._is_running = False


async def _response_size(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"unexpected response: {head!r}")
    lines = [line.split(b":") for line in head.lower().split(b"\r\n")]
    length = next(int(value[1]) for value in lines if value[0] == b"content-length")
    await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
    return len(head) + length


async def calls_per_second(
    port: int, request: bytes, seconds: float, connections: int = 8
) -> float:
    """Return the calls per second that a server completes, over persistent connections."""
    size = await _response_size(port, request)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    opened = [
        (await loop.create_connection(lambda: _Connection(request, size), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    for connection in opened:
        connection.stop()
    await asyncio.wait_for(asyncio.gather(*(each.done for each in opened)), 30)
    return sum(each.calls for each in opened) / (time.perf_counter() - started)
