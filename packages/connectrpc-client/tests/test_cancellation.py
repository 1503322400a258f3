"""`Cancellation`: its callbacks, also if a signal handler cancels."""

import sys
import threading

import pytest

from connectrpc_client import Cancellation, ConnectError, _cancellation

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step


def test_all_callbacks_are_called() -> None:
    called: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    cancellation = Cancellation()
    with (
        cancellation.calling(lambda: called.append("first")),
        cancellation.calling(fail),
        cancellation.calling(lambda: called.append("last")),
        pytest.raises(ZeroDivisionError),
    ):
        cancellation.cancel()
    assert sorted(called) == ["first", "last"]


@pytest.mark.parametrize("line", range(1, 13))
def test_a_signal_handler_may_cancel(line) -> None:
    """It may run between any two lines of the thread that registers a call."""
    cancellation = Cancellation()
    called: list[str] = []
    lines = 0

    def trace(frame, event, _):
        nonlocal lines
        if frame.f_code.co_filename != _cancellation.__file__:
            return None
        if event == "line":
            lines += 1
            if lines == line:
                cancellation.cancel()
        return trace

    def register() -> None:
        sys.settrace(trace)
        try:
            with cancellation.calling(lambda: called.append("canceled")):
                cancellation.cancel()
        except ConnectError as error:
            called.append(error.code.value)
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=register, daemon=True)
    thread.start()
    thread.join(STEP_SECONDS)
    assert not thread.is_alive()
    assert set(called) == {"canceled"}
