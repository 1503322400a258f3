"""The client's side of the seam: the protocol that a client speaks, by its name."""

from connectrpc_protocol.names import ProtocolName
from connectrpc_protocol.protocols import PROTOCOLS, WireProtocol

_BY_NAME = {protocol.name: protocol for protocol in PROTOCOLS}


def client_protocol(name: ProtocolName) -> WireProtocol:
    """Return the protocol of that name.

    Raises `ValueError`, which lists the known names, for any other name.
    """
    protocol = _BY_NAME.get(name)
    if protocol is None:
        known = ", ".join(map(repr, _BY_NAME))
        raise ValueError(f"unknown protocol {name!r}; known: {known}")
    return protocol
