"""Hypercorn over HTTP/3: one client can stop it for all clients, and trailers do not end a stream.

This program has a bare ASGI application, Hypercorn, pyqwest and aioquic, and no code of this
repository. In Hypercorn 0.18 two ordinary events end the task that serves UDP. Later requests do
not get a response, and clients wait until they time out:

1. A client cancels a request before its response begins. Sending the response then raises "Cannot
   send data after the stream was reset".
2. A client ends its request after the response has ended. Full-duplex clients do so if they wait
   for the end of the response; a late last packet has the same effect. Hypercorn raises a
   `KeyError` with the id of the stream.

A response with trailers does not end. Hypercorn offers the extension `http.response.trailers`, but
tries to end each stream with a DATA frame. A DATA frame must not follow trailers (RFC 9114, section
4.1), and aioquic, which Hypercorn uses, refuses to send it. Clients wait for the end until they
time out.

    python upstream/hypercorn_http3.py
"""

import asyncio
import logging
import socket
import ssl
import tempfile
from pathlib import Path

import pyqwest
import trustme
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from hypercorn.asyncio import serve
from hypercorn.config import Config


async def application(scope, receive, send) -> None:
    """Wait for the seconds that the path gives, then respond without reading the request.

    The response has trailers if the server offers them and the client asks for them.
    """
    if scope["type"] != "http":
        return
    await asyncio.sleep(float(scope["path"][1:]))
    has_trailers = (
        "http.response.trailers" in scope["extensions"] and (b"te", b"trailers") in scope["headers"]
    )
    await send(
        {"type": "http.response.start", "status": 200, "headers": [], "trailers": has_trailers}
    )
    await send({"type": "http.response.body", "body": b"hello"})
    if has_trailers:
        await send({"type": "http.response.trailers", "headers": [(b"x-trailer", b"t")]})


async def main() -> None:
    logging.disable()  # the tracebacks of the server
    for name, request in (
        ("a cancelled request", _cancel),
        ("a request that ends late", _end_late),
    ):
        authority = trustme.CA()
        with tempfile.TemporaryDirectory() as folder:
            server, url = _serve(authority, Path(folder))
            ca = authority.cert_pem.bytes()
            print(f"before {name}:", await _request(ca, f"{url}/0"))
            await request(ca, url)
            await asyncio.sleep(1)
            print(f"after {name}:", await _request(ca, f"{url}/0"))
            server.cancel()
    with tempfile.TemporaryDirectory() as folder:
        server, url = _serve(authority, Path(folder))
        print("a response without trailers:", await _end_of(url))
        print("a response with trailers:", await _end_of(url, (b"te", b"trailers")))
        server.cancel()


async def _end_of(url: str, *headers: tuple[bytes, bytes]) -> str:
    """Return "complete" if the stream of a response ends, else the error."""
    quic = QuicConfiguration(alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
    port = int(url.rpartition(":")[2])
    async with connect("127.0.0.1", port, configuration=quic, create_protocol=_Http) as client:
        assert isinstance(client, _Http)
        client.request(headers)
        try:
            await asyncio.wait_for(client.is_ended.wait(), 5)
        except TimeoutError as error:
            return repr(error)
    return "complete"


class _Http(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._http = H3Connection(self._quic)
        self.is_ended = asyncio.Event()

    def request(self, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        start = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/0")]
        stream = self._quic.get_next_available_stream_id()
        authority = (b":authority", b"127.0.0.1")
        self._http.send_headers(stream, [*start, authority, *headers], end_stream=True)
        self.transmit()

    def quic_event_received(self, event) -> None:
        for each in self._http.handle_event(event):
            if isinstance(each, HeadersReceived | DataReceived) and each.stream_ended:
                self.is_ended.set()


async def _cancel(ca: bytes, url: str) -> None:
    request = asyncio.create_task(_request(ca, f"{url}/0.5"))
    await asyncio.sleep(0.2)
    request.cancel()


async def _end_late(ca: bytes, url: str) -> None:
    has_response = asyncio.Event()

    async def body():
        yield b"a"
        await has_response.wait()

    async with _client(ca).stream("POST", f"{url}/0", content=body()) as response:
        async for _ in response.content:
            pass
        has_response.set()
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
