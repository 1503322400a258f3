"""hypercorn over HTTP/3: one client that gives up a request ends HTTP/3 for all clients.

A bare ASGI application, hypercorn and pyqwest; nothing of this repository. A request is cancelled
before its answer begins. In hypercorn 0.18 the answer then raises "Cannot send data after the
stream was reset" in the task that serves UDP, which ends; every later request gets no answer. The
same happens, with a `KeyError`, when a client sends the end of a request again because its
acknowledgement was late.

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
    """Waits as many seconds as the path says, and answers."""
    if scope["type"] != "http":
        return
    await asyncio.sleep(float(scope["path"][1:]))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def main() -> None:
    logging.disable()  # the tracebacks of the server
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        server, url = _serve(authority, Path(folder))
        ca = authority.cert_pem.bytes()
        print("before:", await _request(ca, f"{url}/0"))
        cancelled = asyncio.create_task(_request(ca, f"{url}/0.5"))
        await asyncio.sleep(0.2)
        cancelled.cancel()
        await asyncio.sleep(1)
        print("after a cancelled request:", await _request(ca, f"{url}/0"))
        server.cancel()


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
    transport = pyqwest.HTTPTransport(tls_ca_cert=ca, http_version=pyqwest.HTTPVersion.HTTP3)
    try:
        async with asyncio.timeout(5):
            response = await pyqwest.Client(transport).get(url)
    except Exception as error:
        return repr(error)
    return f"{response.status} {bytes(response.content)!r}"


if __name__ == "__main__":
    asyncio.run(main())
