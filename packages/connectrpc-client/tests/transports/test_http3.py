"""Calls over HTTP/3 to a real server: all kinds of RPC, and the refusal of gRPC."""

import subprocess
import sys
from pathlib import Path

import pyqwest
import pytest
import trustme
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_client import Code, ConnectError

WAIT, LEFT = "wait", "left?"  # see http3_server.py
STEP_SECONDS = 60  # seconds that the slowest machine may take for one step
HTTP2, HTTP3 = pyqwest.HTTPVersion.HTTP2, pyqwest.HTTPVersion.HTTP3
TRANSPORTS = {"async": pyqwest.HTTPTransport, "sync": pyqwest.SyncHTTPTransport}
CLIENTS = {"async": pyqwest.Client, "sync": pyqwest.SyncClient}
TEXTS = ["a", "b", "c"]

everywhere = pytest.mark.parametrize(
    ("version", "protocol"),
    [(HTTP2, "grpc"), *((HTTP3, protocol) for protocol in ("connect", "grpc-web"))],
    ids=str,
)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def urls(authority, tmp_path_factory):
    """The URL of the server for each version of HTTP."""
    folder = tmp_path_factory.mktemp("certificate")
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    program = Path(__file__).with_name("http3_server.py")
    with subprocess.Popen(
        [sys.executable, program, folder / "key.pem", folder / "certificate.pem"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=program.parent,
    ) as process:
        try:
            assert process.stdout is not None
            words = process.stdout.readline().split()
            assert words[:2] == ["listening", "on"], "the server ended"
            yield {
                str(version): f"https://127.0.0.1:{port}"
                for version, port in zip((HTTP2, HTTP3), words[2:], strict=True)
            }
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(STEP_SECONDS)


@pytest.fixture
def make(caller, authority, urls):
    """Return a function that makes a client for one version of HTTP."""

    def make(version, protocol):
        http_client = CLIENTS[caller.side](
            TRANSPORTS[caller.side](
                http_version=version,
                tls_ca_cert=authority.cert_pem.bytes(),
                enable_gzip=False,
                follow_redirects=False,
            )
        )
        return caller.make(
            urls[str(version)],
            http_client=http_client,
            protocol=protocol,
            timeout_ms=STEP_SECONDS * 1000,
        )

    return make


def messages(*texts):
    return [StringValue(value=text) for text in texts]


@everywhere
class TestCalls:
    def test_unary(self, caller, make, version, protocol):
        output = caller.call("unary", "hi", client=make(version, protocol))
        assert output.message.value == "hi"

    def test_client_stream(self, caller, make, version, protocol):
        output = caller.call("client", messages(*TEXTS), client=make(version, protocol))
        assert output.message.value == "abc"

    def test_server_stream(self, caller, make, version, protocol):
        texts, _, _ = caller.call("server", "hi", client=make(version, protocol))
        assert texts == ["hi", "hi"]

    def test_bidi_stream(self, caller, make, version, protocol):
        texts, _, _ = caller.call("bidi", iter(messages(*TEXTS)), client=make(version, protocol))
        assert texts == TEXTS


class TestWithoutTrailers:
    """pyqwest drops trailers over HTTP/3, so a gRPC call could not know that it succeeded."""

    @pytest.mark.parametrize(
        ("name", "argument"),
        [
            ("unary", "hi"),
            ("client", messages(*TEXTS)),
            ("server", "hi"),
            ("bidi", messages(*TEXTS)),
        ],
    )
    def test_every_kind(self, caller, make, name, argument):
        with pytest.raises(ConnectError, match=r"not deliver .* HTTP/3.*HTTP/2") as caught:
            caller.call(name, argument, client=make(HTTP3, "grpc"))
        assert caught.value.code is Code.UNIMPLEMENTED

    def test_at_once(self, caller, make):
        """The call fails when the response head arrives, and the server sees it end."""
        with pytest.raises(ConnectError) as caught:
            caller.call("server", WAIT, client=make(HTTP3, "grpc"))
        assert caught.value.code is Code.UNIMPLEMENTED
        caller.call("unary", LEFT, client=make(HTTP3, "connect"))
