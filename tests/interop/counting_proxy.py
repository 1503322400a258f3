"""A TCP proxy in front of a server. It counts connections and bytes."""

import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Thread
from urllib.parse import urlsplit


class CountingProxy:
    """Forwards bytes between clients and a server."""

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
        for count in forward(client, server):
            self.sent += count

    def _receive(self, client: socket.socket, server: socket.socket) -> None:
        for count in forward(server, client):
            self.received += count

    def close(self) -> None:
        # `close` does not wake a thread that blocks in `accept` or `recv`; `shutdown` does.
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()


def forward(source: socket.socket, target: socket.socket) -> Generator[int, None, None]:
    """Forward bytes until the source ends; yield the size of each piece before it is sent."""
    with suppress(OSError):
        while data := source.recv(65536):
            yield len(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def counting_proxy(url: str) -> Generator[CountingProxy, None, None]:
    """Open a proxy in front of a server."""
    opened = CountingProxy(url)
    try:
        yield opened
    finally:
        opened.close()
