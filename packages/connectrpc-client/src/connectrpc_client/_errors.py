"""Decides which exceptions are errors of a call, and refuses open calls that cannot work."""

from connectrpc_client._cancellation import canceled
from connectrpc_protocol import Code, ConnectError, RequestContext


def call_error(exc: BaseException | None) -> BaseException | None:
    """Return the exception as the error of the call that it ended, if it is one.

    `GeneratorExit` means that the consumer stopped iterating; that is not an error.
    """
    return None if isinstance(exc, GeneratorExit) else exc


def error_of_later_reads(exc: BaseException) -> Exception | None:
    """Return the error that every read of a stream raises after a read that raised `exc`.

    The end of the iteration would tell the reader that it has the whole response. A cancellation or
    an interrupt belongs to the read that it cut off, so later reads raise `canceled`. Closing a
    generator (`GeneratorExit`) is not a failed read.
    """
    if isinstance(exc, GeneratorExit):
        return None
    return exc if isinstance(exc, Exception) else canceled()


def ended(error: BaseException | None) -> str:
    """Return the state of a call that has ended, for `repr`. The text of the error is left out."""
    if error is None:
        return "ended"
    reason = error.code.value if isinstance(error, ConnectError) else type(error).__name__
    return f"ended with {reason}"


def check_full_duplex(is_full_duplex: bool, context: RequestContext) -> None:
    """Raise `ConnectError` (`unimplemented`) for an open bidi call on a half-duplex transport.

    Such a transport does not read responses before the requests have ended. A caller that waits for
    a response before it ends its requests would wait forever.
    """
    if not is_full_duplex:
        raise ConnectError(
            Code.UNIMPLEMENTED,
            f"an open call of {context.method.full_name} needs an HTTP client that sends and"
            " receives at the same time, such as pyqwest:"
            " pip install 'connectrpc-client[pyqwest]'",
        )
