"""The logger of the package, and the log entry of an unexpected exception."""

import logging

from connectrpc_protocol import RequestContext
from connectrpc_protocol.errors import connect_errors

logger = logging.getLogger("connectrpc_server")


def log_unexpected(exc: BaseException, context: RequestContext) -> None:
    """Log an exception with its traceback if the client does not get all of it."""
    errors = connect_errors(exc)
    if not errors:
        logger.error("unexpected exception in %s", context.method.full_name, exc_info=exc)
    elif len(errors) > 1:
        logger.error(
            "%s failed with %d errors; the client gets the first",
            context.method.full_name,
            len(errors),
            exc_info=exc,
        )
