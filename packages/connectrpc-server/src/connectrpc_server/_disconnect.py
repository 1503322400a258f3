"""Clients that go away before their answer."""

from connectrpc_protocol import Code, ConnectError


class ClientDisconnected(ConnectError):
    """The client went away; nobody is left to answer."""

    def __init__(self) -> None:
        super().__init__(Code.CANCELED, "the client disconnected")
