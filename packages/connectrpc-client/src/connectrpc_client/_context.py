"""The context of a client's call, with fields that only the client itself uses."""

from collections.abc import Callable

from google.protobuf.message import Message

from connectrpc_client._cancellation import Cancellation
from connectrpc_protocol import Headers, Method, RequestContext


class ClientContext(RequestContext):
    """The context of one call of a client; interceptors see it as a `RequestContext`.

    - `cancellation` ends the call from another thread; sync calls only.
    - `on_head` is called when the response head has arrived; open calls only.
    """

    __slots__ = ("cancellation", "on_head")

    def __init__(
        self,
        method: Method[Message, Message],
        protocol: str,
        http_method: str,
        request_headers: Headers,
        deadline: float | None,
        peer: tuple[str, int],
    ) -> None:
        super().__init__(method, protocol, http_method, request_headers, deadline, peer)
        self.cancellation: Cancellation | None = None
        self.on_head: Callable[[], None] | None = None


def client_context(context: RequestContext) -> ClientContext:
    """Return the context that came through the interceptors.

    Raises `TypeError` if an interceptor replaced it: the call could not be cancelled any more.
    """
    if isinstance(context, ClientContext):
        return context
    raise TypeError(
        "an interceptor must pass on the context that it was given, "
        f"not a {type(context).__name__} of its own making"
    )
