"""How pyqwest's errors become codes, before a server that resets streams and ends connections."""

import socket
import threading
from contextlib import closing, contextmanager, suppress

import h2.config
import h2.connection
import h2.events
import pytest

from connectrpc_client import Code, ConnectError
from connectrpc_client._transports.select import select_transport_sync
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.http import HttpRequest

CLOSED = h2.connection.ConnectionState.CLOSED
STEP_SECONDS = 60  # seconds that the slowest machine may take for one step


def post(url):
    """Send a request over HTTP/2, with a default client."""
    with closing(select_transport_sync(None, client_protocol("grpc"))) as transport:
        response = transport.send(HttpRequest("POST", f"{url}/", [], b"x"), None, None)
        try:
            for _ in response.chunks(None):
                pass
        finally:
            response.close()


@contextmanager
def refusing(refuse):
    """Run an HTTP/2 server that calls `refuse` with its connection and the stream of a request."""

    def serve(listener):
        peer, _ = listener.accept()
        with peer, suppress(ConnectionError):  # the client may leave with a frame unread
            connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
            connection.initiate_connection()
            peer.sendall(connection.data_to_send())
            while data := peer.recv(65_536):
                if connection.state_machine.state is CLOSED:
                    continue
                for event in connection.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        refuse(connection, event.stream_id)
                peer.sendall(connection.data_to_send())
                if connection.state_machine.state is CLOSED:
                    peer.shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(STEP_SECONDS)


@pytest.mark.parametrize(
    ("reset", "code"),
    [
        (0x1, Code.INTERNAL),  # PROTOCOL_ERROR
        (0x2, Code.INTERNAL),  # INTERNAL_ERROR
        (0x3, Code.INTERNAL),  # FLOW_CONTROL_ERROR
        (0x7, Code.UNAVAILABLE),  # REFUSED_STREAM
        (0x8, Code.CANCELED),  # CANCEL
        (0xB, Code.RESOURCE_EXHAUSTED),  # ENHANCE_YOUR_CALM
        (0xC, Code.PERMISSION_DENIED),  # INADEQUATE_SECURITY
    ],
)
def test_reset_streams(reset, code):
    with refusing(lambda connection, stream: connection.reset_stream(stream, reset)) as url:
        with pytest.raises(ConnectError) as caught:
            post(url)
        assert caught.value.code is code


@pytest.mark.parametrize("began", [False, True])
@pytest.mark.parametrize("reason", [0x2, 0x8, 0xB, 0xC])
def test_ended_connections(reason, began):
    """The reason why a server ends a connection, such as a flood (0xB), is not about one call."""

    def refuse(connection, stream):
        if began:
            connection.send_headers(stream, [(":status", "200")])
        connection.close_connection(reason, last_stream_id=0)

    with refusing(refuse) as url:
        with pytest.raises(ConnectError) as caught:
            post(url)
        assert caught.value.code is Code.UNAVAILABLE
        assert "connection error received" in caught.value.message
