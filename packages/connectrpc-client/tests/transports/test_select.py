"""The selection of a client's transport, and the refusal of unsuitable `http_client` objects."""

import subprocess
import sys

import httpx
import httpx2
import pyqwest
import pytest

from connectrpc_client._transports.select import select_transport, select_transport_sync
from connectrpc_protocol.client import client_protocol

CONNECT, GRPC = client_protocol("connect"), client_protocol("grpc")
STEP_SECONDS = 60  # seconds that the slowest machine may take for one step


class Bare:
    """A transport with nothing but the required members."""

    has_trailers = is_full_duplex = False

    async def send(self, request, body, deadline):
        raise NotImplementedError

    async def aclose(self):
        raise NotImplementedError


class BareSync:
    """See `Bare`."""

    has_trailers = is_full_duplex = False

    def send(self, request, body, deadline, cancellation=None):
        raise NotImplementedError

    def close(self):
        raise NotImplementedError


class TestSelection:
    @pytest.mark.parametrize("client", [httpx.AsyncClient(), httpx2.AsyncClient()])
    def test_trailers_are_needed_async(self, client):
        with pytest.raises(ValueError, match=r"trailers.*connectrpc-client\[pyqwest\]"):
            select_transport(client, GRPC)

    @pytest.mark.parametrize("client", [httpx.Client(), httpx2.Client()])
    def test_trailers_are_needed_sync(self, client):
        with pytest.raises(ValueError, match=r"trailers.*connectrpc-client\[pyqwest\]"):
            select_transport_sync(client, GRPC)

    @pytest.mark.parametrize("client", [httpx.Client(), pyqwest.SyncClient(), object()])
    def test_wrong_for_async(self, client):
        with pytest.raises(TypeError):
            select_transport(client, CONNECT)

    @pytest.mark.parametrize("client", [httpx.AsyncClient(), pyqwest.Client(), object()])
    def test_wrong_for_sync(self, client):
        with pytest.raises(TypeError):
            select_transport_sync(client, CONNECT)

    @pytest.mark.parametrize("client", [httpx.AsyncClient(), httpx2.AsyncClient()])
    def test_errors_name_the_library(self, client):
        name = type(client).__module__.partition(".")[0]
        with pytest.raises(ValueError, match=f"and {name} does not support HTTP trailers:"):
            select_transport(client, GRPC)

    def test_errors_name_the_library_sync(self):
        with pytest.raises(ValueError, match="and httpx does not support HTTP trailers:"):
            select_transport_sync(httpx.Client(), GRPC)

    def test_given_transports(self):
        given, given_sync = Bare(), BareSync()
        assert select_transport(given, CONNECT) is given
        assert select_transport_sync(given_sync, CONNECT) is given_sync

    def test_given_transports_without_trailers(self):
        with pytest.raises(ValueError, match="and Bare does not support"):
            select_transport(Bare(), GRPC)
        with pytest.raises(ValueError, match="and BareSync does not support"):
            select_transport_sync(BareSync(), GRPC)

    @pytest.mark.parametrize(
        ("choose", "send"), [(select_transport, Bare.send), (select_transport_sync, BareSync.send)]
    )
    def test_missing_members(self, choose, send):
        half = type("Half", (), {"has_trailers": True, "send": send})
        close = "aclose" if choose is select_transport else "close"
        with pytest.raises(TypeError, match=f"Half does not have {close}, is_full_duplex$"):
            choose(half(), CONNECT)

    def test_an_async_transport_may_delegate(self):
        class Delegating(Bare):
            def send(self, *arguments):
                return super().send(*arguments)

        delegating = Delegating()
        assert select_transport(delegating, CONNECT) is delegating

    @pytest.mark.parametrize("name", ["send", "close"])
    def test_transport_that_is_half_async(self, name):
        mixed = type("Mixed", (BareSync,), {name: Bare.send})
        with pytest.raises(TypeError, match=f"a TransportSync: Mixed.{name} must not be async"):
            select_transport_sync(mixed(), CONNECT)

    @pytest.mark.parametrize("given", [Bare, BareSync])
    @pytest.mark.parametrize("choose", [select_transport, select_transport_sync])
    def test_classes_are_refused(self, choose, given):
        with pytest.raises(TypeError, match=f"{given.__name__} is a class"):
            choose(given, CONNECT)

    def test_imports(self):
        """HTTP libraries are not imported before they are needed."""
        program = (
            "import sys, connectrpc_client as c; assert not {'httpx', 'pyqwest'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", program], check=True, timeout=STEP_SECONDS)

    def test_without_pyqwest(self):
        program = """if True:
            import sys
            sys.modules["pyqwest"] = None
            import connectrpc_client as c
            try:
                c.ClientSync("http://test", protocol="grpc")
            except ValueError as error:
                text = "httpx does not support HTTP trailers: pip install"
                assert f"{text} 'connectrpc-client[pyqwest]'" in str(error)
            else:
                raise AssertionError
            client = c.ClientSync("http://test")
            assert not client._transport.has_trailers
        """
        subprocess.run([sys.executable, "-c", program], check=True, timeout=STEP_SECONDS)
