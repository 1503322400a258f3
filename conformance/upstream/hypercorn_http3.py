"""hypercorn over HTTP/3: one client can end HTTP/3 for all clients, in two ordinary ways.

A bare ASGI application, hypercorn and pyqwest; nothing of this repository. In hypercorn 0.18 both
end the task that serves UDP, so every later request gets no answer, and clients wait for it as long
as they like:

1. A client gives up a request before its answer begins. The answer then raises "Cannot send data
   after the stream was reset".
2. A client ends its request after the answer has ended, as full-duplex clients do that wait for it,
   or the last packet of a request is late. That is a `KeyError` of the stream's number.

    python upstream/hypercorn_http3.py
"""

import asyncio
import logging
import socket
import tempfile
from pathlib import Path

import pyqwest
import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config


async def application(scope, receive, send) -> None:
    """Waits as many seconds as the path says, and answers, without a look at the request."""
    if scope["type"] != "http":
        return
    await asyncio.sleep(float(scope["path"][1:]))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def main() -> None:
    logging.disable()  # the tracebacks of the server
    for name, request in (("a request given up", _give_up), ("a late end", _end_late)):
        authority = trustme.CA()
        with tempfile.TemporaryDirectory() as folder:
            server, url = _serve(authority, Path(folder))
            ca = authority.cert_pem.bytes()
            print(f"before {name}:", await _request(ca, f"{url}/0"))
            await request(ca, url)
            await asyncio.sleep(1)
            print(f"after {name}:", await _request(ca, f"{url}/0"))
            server.cancel()


async def _give_up(ca: bytes, url: str) -> None:
    request = asyncio.create_task(_request(ca, f"{url}/0.5"))
    await asyncio.sleep(0.2)
    request.cancel()


async def _end_late(ca: bytes, url: str) -> None:
    is_answered = asyncio.Event()

    async def body():
        yield b"a"
        await is_answered.wait()

    async with _client(ca).stream("POST", f"{url}/0", content=body()) as response:
        async for _ in response.content:
            pass
        is_answered.set()
        await asyncio.sleep(0.5)


def _serve(authority: trustme.CA, folder: Path) -> tuple["asyncio.Task[None]", str]:
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    tcp = socket.create_server(("127.0.0.1", 0))
    port = tcp.getsockname()[1]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    config = Config()
    config.certfile, config.keyfile = str(folder / "cert.pem"), str(folder / "key.pem")
    config.bind, config.quic_bind = [f"fd://{tcp.detach()}"], [f"fd://{udp.detach()}"]
    config.loglevel = "CRITICAL"
    return asyncio.create_task(serve(application, config)), f"https://127.0.0.1:{port}"


async def _request(ca: bytes, url: str) -> str:
    try:
        async with asyncio.timeout(5):
            response = await _client(ca).get(url)
    except Exception as error:
        return repr(error)
    return f"{response.status} {bytes(response.content)!r}"


def _client(ca: bytes) -> pyqwest.Client:
    return pyqwest.Client(
        pyqwest.HTTPTransport(tls_ca_cert=ca, http_version=pyqwest.HTTPVersion.HTTP3)
    )


if __name__ == "__main__":
    asyncio.run(main())
