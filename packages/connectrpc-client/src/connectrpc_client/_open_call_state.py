"""The state of open calls and the rules for their operations, for async and sync clients.

Nothing waits in this module. Operations that may have to wait are generators: they yield a
condition and resume when it is true. The async client waits for it in a task, the sync client in a
thread.
"""

from collections.abc import Callable, Generator
from typing import Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

from connectrpc_client._cancellation import canceled
from connectrpc_client._errors import ended
from connectrpc_protocol import ConnectError

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")

Steps: TypeAlias = Generator[Callable[[], bool], None, T]
"""An operation that yields each condition it waits for, and returns a `T`."""


class _Slot(Generic[T]):
    """A buffer for one message."""

    __slots__ = ("_count", "_messages")

    def __init__(self) -> None:
        self._messages: list[T] = []
        self._count = 0  # of all messages that were ever put in

    def put(self, message: T) -> int:
        """Put the message in, and return its ticket."""
        self._messages.append(message)
        self._count += 1
        return self._count

    def take(self) -> T:
        return self._messages.pop()

    @property
    def message(self) -> T:
        """The message, which stays in the slot."""
        return self._messages[0]

    def holds(self, ticket: int) -> bool:
        """Return whether the message of that ticket is still in the slot."""
        return bool(self._messages) and self._count == ticket

    @property
    def is_full(self) -> bool:
        return bool(self._messages)

    def clear(self) -> None:
        self._messages.clear()


class OpenCallState(Generic[Req, Res]):
    """The state of one open call, shared by its caller and the exchange with the server.

    The exchange takes requests, delivers responses and says how the call ended. The caller may end
    the call earlier. Every condition is true once the call has ended, so that all waits end.
    """

    __slots__ = (
        "_error",
        "_has_ended",
        "_has_head",
        "_is_aborted",
        "_reason",
        "_requests",
        "_requests_ended",
        "_requests_refused",
        "_responses",
    )

    def __init__(self) -> None:
        self._requests = _Slot[Req]()
        self._responses = _Slot[Res]()
        self._requests_ended = False  # by the caller
        self._requests_refused = False  # by the exchange
        self._has_head = False
        self._has_ended = False
        self._is_aborted = False
        self._error: BaseException | None = None
        self._reason: BaseException | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the call has ended, in whatever way."""
        return self._has_ended

    @property
    def is_aborted(self) -> bool:
        """Whether the caller ended the call."""
        return self._is_aborted

    @property
    def reason(self) -> BaseException | None:
        """Why the caller ended the call: an error, or `None` if it only stopped receiving."""
        return self._reason

    def summary(self, *, is_running: bool) -> str:
        """Return the state in a few words. `is_running` is that of the exchange."""
        if self._has_ended:
            return ended(self._error)
        if not is_running:
            return "not begun"
        return "requests ended" if self._requests_ended else "open"

    # For the caller.

    def send(self, message: Req) -> Steps[None]:
        """Hand a request over. Returns once the exchange has taken it.

        If the generator is closed before that, the request is not sent.
        """
        self._check_requests()
        yield lambda: not self._requests.is_full or self._takes_no_requests
        self._check_requests()
        if not self._takes_no_requests:
            ticket = self._requests.put(message)
            try:
                yield lambda: not self._requests.holds(ticket) or self._takes_no_requests
                if not self._requests.holds(ticket):
                    return
            finally:
                if self._requests.holds(ticket):
                    self._requests.clear()
        # A server that refuses further requests has ended the call. Only unread responses can
        # keep the exchange from reading that end.
        yield lambda: self._has_ended or self._responses.is_full
        self._raise_error()
        raise EOFError("the server has ended the call; receive to find out how")

    def _check_requests(self) -> None:
        if self._requests_ended:
            raise RuntimeError("the requests of this call have ended; there is nothing to send")

    @property
    def _takes_no_requests(self) -> bool:
        return self._has_ended or self._requests_refused

    def close_send(self) -> Steps[None]:
        """End the requests (half-close). A request that was not yet taken is still sent."""
        self._requests_ended = True
        yield from ()

    def receive(self) -> Steps[Res | None]:
        """Return the next response, or `None` after the last one."""
        yield lambda: self._responses.is_full or self._has_ended
        if self._responses.is_full:
            return self._responses.take()
        self._raise_error()
        return None

    def only_response(self) -> Steps[Res]:
        """Return the response of a call that has exactly one, once the call has succeeded."""
        yield lambda: self._has_ended
        self._raise_error()
        return self._responses.message

    def wait_for_head(self) -> Steps[None]:
        """Wait for the response head. Raises the error of a call that failed before it."""
        yield lambda: self._has_head or self._has_ended
        if not self._has_head:
            self._raise_error()

    def abort(self, error: ConnectError, reason: BaseException | None) -> bool:
        """End the call. Later operations raise `error`; metadata interceptors see `reason`.

        Returns whether the call had not ended before.
        """
        if self._has_ended:
            return False
        self._is_aborted = True
        self._reason = reason
        self._responses.clear()
        self._end(error)
        return True

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    # For the exchange with the server.

    def next_request(self) -> Steps[Req | None]:
        """Return the next request, or `None` after the last one.

        If the call has ended, this raises its error: a normal end would tell the server that it
        has received all requests.
        """
        yield lambda: self._requests.is_full or self._requests_ended or self._has_ended
        if self._has_ended:
            raise self._error or canceled()
        return self._requests.take() if self._requests.is_full else None

    def refuse_requests(self) -> Steps[None]:
        """Refuse all further requests."""
        self._requests_refused = True
        yield from ()

    def head_arrived(self) -> None:
        """Let the caller read the response headers."""
        self._has_head = True

    def deliver(self, message: Res) -> Steps[None]:
        """Hand a response over, once the caller has received the one before it."""
        yield lambda: not self._responses.is_full or self._has_ended
        if self._has_ended:
            raise self._error or canceled()
        self._responses.put(message)

    def finish(self, error: BaseException | None) -> None:
        """End the call, unless the caller has ended it before."""
        if not self._has_ended:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        self._has_ended = True
        self._error = error
