"""Servers over HTTP/1.1 and HTTP/2 that treat each request as a script says, for tests."""

import socket
import ssl
import struct
import threading
from contextlib import closing, suppress

import h2.config
import h2.connection
import h2.events
import h11
from google.protobuf.wrappers_pb2 import StringValue

CLOSED = h2.connection.ConnectionState.CLOSED
OK, CLOSE, SILENT, REFUSE, HANG_UP = "ok", "close", "silent", "refuse", "hang up"


def respond(content_type):
    """Return the content type and the body of a response with one message, over Connect."""
    message = StringValue(value="ok").SerializeToString()
    if content_type != "application/connect+proto":
        return "application/proto", message
    end = b"{}"
    head = struct.pack(">BI", 0, len(message))
    return content_type, head + message + struct.pack(">BI", 2, len(end)) + end


class ScriptedServer:
    """A server that takes one action of its script for each request, on whatever connection.

    `OK` responds, also after the end of the script. `CLOSE` reads the request and closes the
    connection; `SILENT` reads the request and never responds. `HANG_UP` closes the next connection
    at once.
    """

    def __init__(self, *actions, tls=None):
        self.bodies = []  # of all requests
        self.connections = 0
        self._actions = list(actions)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        with suppress(OSError):  # the listener is closed
            while True:
                peer, _ = self._listener.accept()
                self.connections += 1
                if self._actions[:1] == [HANG_UP]:
                    self._actions.pop(0)
                    peer.close()
                else:
                    threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with suppress(OSError), closing(peer):  # the client may leave
            if self._tls is not None:
                peer = self._tls.wrap_socket(peer, server_side=True)
            with closing(peer):
                self.serve(peer)

    def next_action(self, body):
        self.bodies.append(body)
        return self._actions.pop(0) if self._actions else OK


class Http1Server(ScriptedServer):
    def serve(self, peer):
        connection = h11.Connection(h11.SERVER)
        head, body = None, b""
        while data := peer.recv(65_536):
            connection.receive_data(data)
            while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Request):
                    head, body = event, b""
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    action = self.next_action(body)
                    if action == CLOSE:
                        return
                    if action == OK:
                        self._respond(peer, connection, dict(head.headers))
                    if connection.our_state is h11.DONE:
                        connection.start_next_cycle()

    def _respond(self, peer, connection, headers):
        content_type, body = respond(headers.get(b"content-type", b"").decode())
        fields = [("content-type", content_type), ("content-length", str(len(body)))]
        head = h11.Response(status_code=200, headers=fields)
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            peer.sendall(connection.send(event))


class Http2Server(ScriptedServer):
    """More actions: `REFUSE` resets the stream, and `(GOAWAY, code, distance)` ends the connection.

    The distance is that of the last stream that the server claims to have processed from the stream
    of the request; `None` means that it did not process any.
    """

    def serve(self, peer):
        configuration = h2.config.H2Configuration(client_side=False)
        connection = h2.connection.H2Connection(configuration)
        connection.initiate_connection()
        peer.sendall(connection.data_to_send())
        types, bodies = {}, {}
        while data := peer.recv(65_536):
            if connection.state_machine.state is CLOSED:
                continue
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    types[event.stream_id] = dict(event.headers).get(b"content-type", b"")
                    bodies[event.stream_id] = b""
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                    connection.acknowledge_received_data(len(event.data), event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    action = self.next_action(bodies[event.stream_id])
                    if action == CLOSE:
                        return
                    self._act(connection, event.stream_id, action, types[event.stream_id].decode())
            peer.sendall(connection.data_to_send())
            if connection.state_machine.state is CLOSED:
                peer.shutdown(socket.SHUT_WR)

    def _act(self, connection, stream, action, content_type):
        if action == OK:
            content_type, body = respond(content_type)
            fields = [(":status", "200"), ("content-type", content_type)]
            connection.send_headers(stream, fields)
            connection.send_data(stream, body, end_stream=True)
        elif action == REFUSE:
            connection.reset_stream(stream, 0x7)
        else:
            code, distance = action
            last = 0 if distance is None else stream + distance
            connection.close_connection(code, last_stream_id=last)


def tls_context(authority):
    """Return the context of a server at 127.0.0.1 with a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context
