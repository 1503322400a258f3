"""Sync clients in many threads: ending one call does not affect the others."""

import datetime
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address

import httpx
import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectrpc_client import Cancellation, Code, ConnectError
from connectrpc_client._transports.httpx import HttpxTransportSync
from connectrpc_client._transports.interruptible.transport import InterruptibleTransport
from connectrpc_protocol.http import HttpRequest

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step
CALLS = 40  # of each thread


class Handler(BaseHTTPRequestHandler):
    """Echoes unary requests; sends one message of a stream, and then nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path.endswith("/Unary"):
            self.start("application/proto", ("content-length", str(len(body))))
            self.wfile.write(body)
            return
        self.start("application/connect+proto", ("transfer-encoding", "chunked"))
        message = struct.pack(">BI", 0, 3) + b"\n\1a"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(message), message))
        with suppress(OSError):
            self.rfile.read(1)
        self.close_connection = True

    def start(self, content_type: str, *more: tuple[str, str]) -> None:
        self.send_response(200)
        for name, value in (("content-type", content_type), *more):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    context: ssl.SSLContext | None = None

    def finish_request(self, request, client_address) -> None:
        try:
            if self.context is None:
                super().finish_request(request, client_address)
            else:
                with self.context.wrap_socket(request, server_side=True) as secure:
                    super().finish_request(secure, client_address)
        except OSError:  # the client disconnected
            pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    unencrypted = serialization.NoEncryption()
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        signed.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unencrypted)
    )
    return str(path)


@pytest.fixture(params=["http", "https"])
def url(request: pytest.FixtureRequest, certificate: str) -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Handler)
    if request.param == "https":
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(certificate)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"{request.param}://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(STEP_SECONDS)
    server.server_close()


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def http_client(request: pytest.FixtureRequest, certificate: str):
    with request.param.Client(verify=ssl.create_default_context(cafile=certificate)) as client:
        yield client


def cancelled(client) -> None:
    """A call that waits for its second message when another thread cancels it."""
    cancellation = Cancellation()
    with client.call_server("a", cancellation=cancellation) as output:
        next(output)
        timer = threading.Timer(0.001, cancellation.cancel)
        timer.start()
        expect_canceled(output)
        timer.join()


def closed(client) -> None:
    """A call that waits for its second message when another thread closes it."""
    output = client.call_server("a")
    next(output)
    timer = threading.Timer(0.001, output.close)
    timer.start()
    with suppress(StopIteration):  # if `close` came before the wait
        expect_canceled(output)
    timer.join()


def expect_canceled(output) -> None:
    with pytest.raises(ConnectError) as caught:
        next(output)
    assert caught.value.code is Code.CANCELED


@pytest.mark.parametrize("end", [cancelled, closed])
def test_ending_a_call_does_not_affect_others(make_caller, url, http_client, end) -> None:
    client = make_caller("sync").make(url, http_client=http_client)

    def end_many() -> None:
        for _ in range(CALLS):
            end(client)

    def succeed_many(number: int) -> None:
        for call in range(5 * CALLS):
            text = f"{number} {call} " + "x" * 2000
            assert client.call_unary(text).message.value == text

    with ThreadPoolExecutor(12) as pool:
        ending = [pool.submit(end_many) for _ in range(6)]
        succeeding = [pool.submit(succeed_many, number) for number in range(4)]
        for future in [*ending, *succeeding]:
            future.result(STEP_SECONDS)


def test_first_calls_in_many_threads_share_connections(make_caller, monkeypatch) -> None:
    used = []
    begin = threading.Barrier(8)
    make, send = HttpxTransportSync.make, HttpxTransportSync.send

    def slowly():
        made = make()
        time.sleep(0.05)  # the other threads run in this time
        return made

    def note(transport, *args):
        used.append(transport)
        return send(transport, *args)

    monkeypatch.setattr(HttpxTransportSync, "make", slowly)
    monkeypatch.setattr(HttpxTransportSync, "send", note)
    monkeypatch.setitem(sys.modules, "pyqwest", None)
    with make_caller("sync").make("http://127.0.0.1:9", http_client=None) as client:

        def call() -> None:
            begin.wait(STEP_SECONDS)
            with pytest.raises(ConnectError, match="unavailable"):
                client.call_unary("a")

        with ThreadPoolExecutor(8) as pool:
            for future in [pool.submit(call) for _ in range(8)]:
                future.result(STEP_SECONDS)
    assert len(used) == 16  # each call tries once more, because its request was not sent
    assert len(set(used)) == 1


def test_there_is_one_background_loop() -> None:
    subprocess.run([sys.executable, "-c", FIRST_CALLS], check=True, timeout=STEP_SECONDS)


FIRST_CALLS = """
import sys, threading
from connectrpc_client._transports.interruptible.event_loop import background_loop

sys.setswitchinterval(1e-6)
loops = []
begin = threading.Barrier(16)

def find():
    begin.wait()
    loops.append(background_loop())

threads = [threading.Thread(target=find) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(set(loops)) == 1, loops
"""


class Blocking:
    """A transport whose waits cannot be ended."""

    has_trailers = is_full_duplex = False
    raises_keyboard_interrupt = enforces_deadline = False

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self.is_closed = threading.Event()
        self.was_closed_during_wait = False

    def send(self, request, body, deadline):
        self.has_begun.set()
        self.may_end.wait(STEP_SECONDS)
        self.was_closed_during_wait = self.is_closed.is_set()
        raise ConnectError(Code.UNAVAILABLE, "late")

    def close(self) -> None:
        self.is_closed.set()


def test_a_transport_is_closed_after_its_workers_have_ended() -> None:
    blocking = Blocking()
    transport = InterruptibleTransport(blocking)
    request = HttpRequest("POST", "http://test/", [], b"")
    with pytest.raises(ConnectError) as caught:
        transport.send(request, None, time.monotonic() + 0.05)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert blocking.has_begun.wait(STEP_SECONDS)
    transport.close()
    transport.close()
    blocking.may_end.set()
    assert blocking.is_closed.wait(STEP_SECONDS)
    assert not blocking.was_closed_during_wait
