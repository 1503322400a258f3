"""The context of a client's call, with fields that only the client itself uses."""

from collections.abc import Callable

from connectrpc_client._cancellation import Cancellation, Closing, canceled, client_closed
from connectrpc_protocol import RequestContext


class ClientContext(RequestContext):
    """The context of one call of a client; interceptors see it as a `RequestContext`.

    `Settings.context` makes it and sets the fields of this class.
    """

    __slots__ = ("cancellation", "closing", "on_head")

    cancellation: Cancellation | None
    """Ends the call from another thread; sync calls only."""
    closing: Closing
    """Ends the call when the client is closed."""
    on_head: Callable[[], None] | None
    """Called when the response head has arrived; open calls only."""

    def check_cancelled(self) -> None:
        """Raise `canceled` if the call was cancelled or the client was closed."""
        if self.closing.is_cancelled:
            raise client_closed()
        if self.cancellation is not None and self.cancellation.is_cancelled:
            raise canceled()


def client_context(context: RequestContext) -> ClientContext:
    """Return the context that came through the interceptors.

    Raises `TypeError` if an interceptor replaced it, because a call could not be cancelled through
    another context.
    """
    if isinstance(context, ClientContext):
        return context
    raise TypeError(
        "an interceptor must pass on the context that it was given, "
        f"not a {type(context).__name__} of its own making"
    )
