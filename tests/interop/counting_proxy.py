"""A way to a server that counts the bytes that pass."""

import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Thread
from urllib.parse import urlsplit


class Relay:
    """Passes bytes on between clients and a server."""

    def __init__(self, url: str) -> None:
        self._target = (urlsplit(url).hostname, urlsplit(url).port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads = [Thread(target=self._accept)]
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.sent = 0
        self.received = 0
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(self._target)
                self._sockets += (client, server)
                for pump in (self._send, self._receive):
                    thread = Thread(target=pump, args=(client, server))
                    self._threads.append(thread)
                    thread.start()

    def _send(self, client: socket.socket, server: socket.socket) -> None:
        for count in passed_on(client, server):
            self.sent += count

    def _receive(self, client: socket.socket, server: socket.socket) -> None:
        for count in passed_on(server, client):
            self.received += count

    def close(self) -> None:
        # Closing alone does not wake a thread that waits in `accept` or `recv`.
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()


def passed_on(source: socket.socket, target: socket.socket) -> Generator[int, None, None]:
    """The sizes of the pieces that came from one side and went to the other, until it ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            yield len(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def relay(url: str) -> Generator[Relay, None, None]:
    """A relay to a server."""
    opened = Relay(url)
    try:
        yield opened
    finally:
        opened.close()
