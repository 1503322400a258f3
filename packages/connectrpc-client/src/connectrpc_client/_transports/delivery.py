"""The knowledge of a transport about a request that failed before its response head arrived.

Servers close idle connections. A request that meets such a close fails although it is correct, and
`_send_again.py` decides whether it is sent once more. Each library says in its own way how far the
request came, so the module of each library finds that out.
"""

from enum import Enum, auto

from connectrpc_protocol import Code, ConnectError

# Seconds. A client does not use one of its own connections after this time without a call. Most
# servers close idle connections after 5 seconds (uvicorn, Hypercorn, Node.js). A server counts from
# the response that it sent, and until the next request arrives. So the difference of one second
# is left for the network, and for a client or a server that is busy.
IDLE_EXPIRY = 4.0

_ATTRIBUTE = "_connectrpc_client_delivery"  # of a `ConnectError`


class Delivery(Enum):
    """How far a request came whose connection failed or ended."""

    NOT_PROCESSED = auto()
    """The server did not process it: it was never sent, or the server says so in HTTP/2."""
    UNKNOWN = auto()
    """A connection with earlier calls ended. The server may have processed the request."""


def unavailable(message: str, delivery: Delivery | None) -> ConnectError:
    """Return the error of a failed request. Without a delivery it is not sent again."""
    error = ConnectError(Code.UNAVAILABLE, message)
    if delivery is not None:
        # Not a subclass, because callers see this error.
        setattr(error, _ATTRIBUTE, delivery)
    return error


def delivery_of(error: ConnectError) -> Delivery | None:
    """Return what the transport knows about the request. `None` if it must not be sent again."""
    delivery: Delivery | None = getattr(error, _ATTRIBUTE, None)
    return delivery
