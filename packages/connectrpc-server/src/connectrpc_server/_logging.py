"""The log of what a client is not told."""

import logging

from connectrpc_protocol import ConnectError, RequestContext

logger = logging.getLogger("connectrpc_server")


def log_unexpected(exc: BaseException, context: RequestContext) -> None:
    """Log an exception that is a bug of the handler or an interceptor, with its traceback."""
    if not isinstance(exc, ConnectError):
        logger.error("unexpected exception in %s", context.method.full_name, exc_info=exc)
