"""pyqwest over HTTP/3: the trailers of a response do not arrive.

This program has a bare ASGI application, pyvoy and pyqwest, and no code of this repository. The
application sends the same response over HTTP/2 and over HTTP/3. Over HTTP/2 the trailers arrive;
over HTTP/3 pyqwest 0.12 does not deliver them. The server did send them: another client, such as
aioquic's, receives them. gRPC needs trailers, which carry the status of a call.

The exit status is 0 if the fault is there.

    python upstream/pyqwest_http3_trailers.py
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import pyqwest
import trustme
from pyvoy import PyvoyServer

_VERSIONS = {"HTTP/2": pyqwest.HTTPVersion.HTTP2, "HTTP/3": pyqwest.HTTPVersion.HTTP3}


async def application(scope, receive, send) -> None:
    """Read the request and respond with trailers."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
    await send({"type": "http.response.body", "body": b"hello"})
    await send({"type": "http.response.trailers", "headers": [(b"x-end", b"1")]})


async def main() -> int:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        key, chain = Path(folder) / "key.pem", Path(folder) / "cert.pem"
        certificate.private_key_pem.write_to_path(key)
        certificate.cert_chain_pems[0].write_to_path(chain)
        async with PyvoyServer(
            "pyqwest_http3_trailers:application",
            tls_key=key,
            tls_cert=chain,
            lifespan=False,
        ) as server:
            ports = {"HTTP/2": server.listener_port, "HTTP/3": server.listener_port_quic}
            seen = {
                name: await _trailers(authority.cert_pem.bytes(), name, port)
                for name, port in ports.items()
            }
    is_there = seen == {"HTTP/2": [("x-end", "1")], "HTTP/3": []}
    print("the fault is there" if is_there else "the fault is not there")
    return 0 if is_there else 1


async def _trailers(ca: bytes, name: str, port: int | None) -> list[tuple[str, str]]:
    """Return the trailers that the client received over one version of HTTP."""
    client = pyqwest.Client(pyqwest.HTTPTransport(tls_ca_cert=ca, http_version=_VERSIONS[name]))
    async with (
        asyncio.timeout(10),
        client.stream(
            "POST", f"https://127.0.0.1:{port}/", headers={"te": "trailers"}, content=b""
        ) as response,
    ):
        body = b"".join([bytes(chunk) async for chunk in response.content])
        trailers = list(response.trailers.items())
        print(f"{response.http_version}: {response.status}, {body!r}, trailers {trailers}")
        return trailers


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
