"""The logger of the package, the log fields of a call, and the log entry of an exception."""

import logging

from connectrpc_protocol import RequestContext
from connectrpc_protocol.errors import connect_errors

logger = logging.getLogger("connectrpc_server")


def log_fields(context: RequestContext) -> dict[str, object]:
    """Return the values that log records of a call carry in `extra`.

    The prefix keeps the names apart from the attributes of a `LogRecord`.
    """
    return {
        "rpc_method": context.method.full_name,
        "rpc_protocol": context.protocol,
        "rpc_peer": context.peer,
    }


def log_unexpected(exc: BaseException, context: RequestContext) -> None:
    """Log an exception with its traceback if the client does not get all of it."""
    errors = connect_errors(exc)
    if not errors:
        logger.error(
            "unexpected exception in %s",
            context.method.full_name,
            exc_info=exc,
            extra=log_fields(context),
        )
    elif len(errors) > 1:
        logger.error(
            "%s failed with %d errors; the client gets the first",
            context.method.full_name,
            len(errors),
            exc_info=exc,
            extra=log_fields(context),
        )
