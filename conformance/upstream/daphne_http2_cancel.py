"""daphne over HTTP/2: one cancelled response makes all requests on its connection hang.

This program has a bare ASGI application, daphne and pyqwest, and no code of this repository. In
daphne 4.2 an application can end its response long before the client has received it. Once a
second, daphne forgets the requests with such a response. If the client cancels one of them later,
daphne raises a `KeyError` for the request that it forgot: first in the code of Twisted (26.10) that
reads the connection, and again in the code that closes it. After that, Twisted does not read the
connection, and does not close it. Requests on it wait until they time out. The log does not show
the errors, because daphne discards the log of Twisted.

Here the client does not read a long response, so that daphne has time to forget it. With a short
response, the client must cancel in the milliseconds before its end, just after daphne forgot it.

    python upstream/daphne_http2_cancel.py

The exit status is 0 if the fault is there.
"""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

import pyqwest
import trustme

_LONG = 50_000_000  # more bytes than the client accepts before it reads

_FORGOTTEN_SECONDS = 3  # daphne forgets responses that have ended once a second


async def application(scope, receive, send) -> None:
    """Respond with many bytes to `/long`, else with a few."""
    body = bytes(_LONG) if scope["path"] == "/long" else b"hello"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def serve(endpoint: str) -> None:
    """Serve until the process is killed; print the port."""
    from daphne.server import Server

    class AnnouncingServer(Server):
        def listen_success(self, port) -> None:
            super().listen_success(port)
            print(port.getHost().port, flush=True)

    AnnouncingServer(application, [endpoint], verbosity=0).run()


def main() -> bool:
    """Return whether the fault is there."""
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        certificate = authority.issue_cert("127.0.0.1")
        key, chain = Path(folder) / "key.pem", Path(folder) / "cert.pem"
        certificate.private_key_pem.write_to_path(key)
        certificate.cert_chain_pems[0].write_to_path(chain)
        endpoint = f"ssl:port=0:interface=127.0.0.1:certKey={chain}:privateKey={key}"
        command = [sys.executable, __file__, endpoint]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                url = f"https://127.0.0.1:{int(server.stdout.readline())}"
                return asyncio.run(_requests(authority.cert_pem.bytes(), url))
            finally:
                server.kill()


async def _requests(ca: bytes, url: str) -> bool:
    client = _client(ca)
    print("before:", await _get(client, url))
    async with client.stream("GET", f"{url}/long"):
        await asyncio.sleep(_FORGOTTEN_SECONDS)
    after = await _get(client, url)
    print("after a cancelled response:", after)
    print("on a new connection:", await _get(_client(ca), url))
    return after == repr(TimeoutError())


async def _get(client: pyqwest.Client, url: str) -> str:
    try:
        async with asyncio.timeout(5):
            response = await client.get(url)
    except Exception as error:
        return repr(error)
    return f"{response.status} {bytes(response.content)!r}"


def _client(ca: bytes) -> pyqwest.Client:
    return pyqwest.Client(
        pyqwest.HTTPTransport(tls_ca_cert=ca, http_version=pyqwest.HTTPVersion.HTTP2)
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(sys.argv[1])
    else:
        sys.exit(0 if main() else 1)
