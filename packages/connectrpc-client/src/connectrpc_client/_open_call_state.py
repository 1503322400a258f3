"""Open calls: what may be done when, for async and sync callers alike. Nothing here waits.

Every rule that has to wait is a generator of steps: it yields a condition, and goes on once that
holds. Whoever runs it brings the waiting, in a task or in a thread.
"""

from collections.abc import Callable, Generator
from typing import Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

from connectrpc_client._cancellation import canceled
from connectrpc_protocol import Code, ConnectError, ContextKey, RequestContext

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")

Steps: TypeAlias = Generator[Callable[[], bool], None, T]
"""A rule on its way; it returns a `T`."""

ON_HEAD = ContextKey[Callable[[], None]]("connectrpc_client.on_head")
"""Called when the head of the answer has arrived."""


def check_full_duplex(is_full_duplex: bool, context: RequestContext) -> None:
    """Refuse an open bidi call on a transport that cannot carry it.

    It would send nothing, or wait for ever, while the server waits for the end of the requests.
    """
    if not is_full_duplex:
        raise ConnectError(
            Code.UNIMPLEMENTED,
            f"an open call of {context.method.full_name} needs an HTTP client that sends and"
            " receives at the same time, which is pyqwest with HTTP/2:"
            " pip install 'connectrpc-client[pyqwest]'",
        )


class _Slot(Generic[T]):
    """Room for one message on its way from a giver to a taker."""

    __slots__ = ("_given", "_messages")

    def __init__(self) -> None:
        self._messages: list[T] = []
        self._given = 0

    def give(self, message: T) -> int:
        """Put the message in; returns its ticket."""
        self._messages.append(message)
        self._given += 1
        return self._given

    def take(self) -> T:
        return self._messages.pop()

    @property
    def message(self) -> T:
        """What is there; it stays there."""
        return self._messages[0]

    def holds(self, ticket: int) -> bool:
        return bool(self._messages) and self._given == ticket

    @property
    def is_full(self) -> bool:
        return bool(self._messages)

    def clear(self) -> None:
        self._messages.clear()


class CallState(Generic[Req, Res]):
    """One open call, between its user and the exchange with the server.

    The exchange takes requests, gives responses and says how it ended. The user may end the call
    before that; nothing that waits here outlives either end.
    """

    __slots__ = (
        "_error",
        "_has_ended",
        "_has_head",
        "_is_aborted",
        "_requests",
        "_requests_ended",
        "_requests_unwanted",
        "_responses",
    )

    def __init__(self) -> None:
        self._requests = _Slot[Req]()
        self._responses = _Slot[Res]()
        self._requests_ended = False
        self._requests_unwanted = False
        self._has_head = False
        self._has_ended = False
        self._is_aborted = False
        self._error: BaseException | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the call is over, for its user at least."""
        return self._has_ended

    @property
    def is_aborted(self) -> bool:
        """Whether it was its user who ended it."""
        return self._is_aborted

    # For the user.

    def send(self, message: Req) -> Steps[None]:
        """Hand over a request; done once it was taken. One that was not taken is not sent."""
        self._check_requests()
        yield lambda: not self._requests.is_full or self._takes_no_requests
        self._check_requests()
        if not self._takes_no_requests:
            ticket = self._requests.give(message)
            try:
                yield lambda: not self._requests.holds(ticket) or self._takes_no_requests
                if not self._requests.holds(ticket):
                    return
            finally:
                if self._requests.holds(ticket):
                    self._requests.clear()
        # A server that wants no more requests has ended the call; only unread responses can keep
        # that end from being seen here.
        yield lambda: self._has_ended or self._responses.is_full
        self._raise_error()
        raise EOFError("the server has ended the call; receiving tells how")

    def _check_requests(self) -> None:
        if self._requests_ended:
            raise RuntimeError("the requests of this call have ended; there is nothing to send")

    @property
    def _takes_no_requests(self) -> bool:
        return self._has_ended or self._requests_unwanted

    def close_send(self) -> Steps[None]:
        """There are no more requests; what waits to be taken still is."""
        self._requests_ended = True
        yield from ()

    def receive(self) -> Steps[Res | None]:
        """The next response; `None` after the last."""
        yield lambda: self._responses.is_full or self._has_ended
        if self._responses.is_full:
            return self._responses.take()
        self._raise_error()
        return None

    def only_response(self) -> Steps[Res]:
        """The response of a call that has one, once nothing can go wrong any more."""
        yield lambda: self._has_ended
        self._raise_error()
        return self._responses.message

    def wait_for_head(self) -> Steps[None]:
        """The head of the answer, or the error of a call that has none."""
        yield lambda: self._has_head or self._has_ended
        if not self._has_head:
            self._raise_error()

    def abort(self, error: ConnectError) -> bool:
        """End the call, with an error for what comes later. Whether it was still going on."""
        if self._has_ended:
            return False
        self._is_aborted = True
        self._responses.clear()
        self._end(error)
        return True

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    # For the exchange with the server.

    def next_request(self) -> Steps[Req | None]:
        """The next request; `None` after the last.

        An ended call raises its error, since a quiet end would tell the server that it has got all
        requests.
        """
        yield lambda: self._requests.is_full or self._requests_ended or self._has_ended
        if self._has_ended:
            raise self._error or canceled()
        return self._requests.take() if self._requests.is_full else None

    def refuse_requests(self) -> Steps[None]:
        """No more requests will be taken."""
        self._requests_unwanted = True
        yield from ()

    def head_arrived(self) -> None:
        """The response headers can be read."""
        self._has_head = True

    def deliver(self, message: Res) -> Steps[None]:
        """Hand over a response, once there is room for it."""
        yield lambda: not self._responses.is_full or self._has_ended
        if self._has_ended:
            raise self._error or canceled()
        self._responses.give(message)

    def finish(self, error: BaseException | None) -> None:
        """The exchange is over. What its user has decided before stays."""
        if not self._has_ended:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        self._has_ended = True
        self._error = error
