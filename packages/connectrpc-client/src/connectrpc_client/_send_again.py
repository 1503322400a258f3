"""The rule for requests that are sent once more after their connection has failed.

A request that the server did not process is sent again for every method. If the server may have
processed it, this is safe for idempotent methods only (RFC 9110, section 9.2.2). Calls use the rule
for their first request only, so a server never gets a third one because of it.
"""

from connectrpc_client._context import ClientContext
from connectrpc_client._transports.delivery import Delivery, delivery_of
from connectrpc_protocol import Code, ConnectError, IdempotencyLevel
from connectrpc_protocol.deadline import check_late


def check_may_send_again(
    error: ConnectError, context: ClientContext, *, has_requests: bool = True
) -> None:
    """Raise the call's error, unless the request that failed with `error` may be sent once more.

    `has_requests` says whether the client still has all requests of the call: an iterator gives
    each of them only once.
    """
    delivery = delivery_of(error)
    if delivery is None:
        raise error
    context.check_cancelled()
    check_late(error, context.deadline)
    reason = _reason_against(delivery, context, has_requests=has_requests)
    if reason:
        message = f"{error.message}; not sent again: {reason}"
        raise ConnectError(Code.UNAVAILABLE, message) from error.__cause__


def _reason_against(delivery: Delivery, context: ClientContext, *, has_requests: bool) -> str:
    method = context.method
    if delivery is Delivery.UNKNOWN and method.idempotency is IdempotencyLevel.UNKNOWN:
        return (
            f"the server may have processed the request, and {method.full_name} does not have an "
            "idempotency_level"
        )
    return "" if has_requests else "the HTTP client has begun to take the stream of requests"
