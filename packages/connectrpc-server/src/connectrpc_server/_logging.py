"""The logger of the package, and the log entry of an unexpected exception."""

import logging

from connectrpc_protocol import ConnectError, RequestContext

logger = logging.getLogger("connectrpc_server")


def log_unexpected(exc: BaseException, context: RequestContext) -> None:
    """Log an exception with its traceback if it is a bug of the handler or an interceptor."""
    if not isinstance(exc, ConnectError):
        logger.error("unexpected exception in %s", context.method.full_name, exc_info=exc)
