"""The sixteen status codes shared by Connect, gRPC and gRPC-Web."""

from enum import Enum


class Code(Enum):
    """The reason why a call failed.

    The value is the name in the Connect protocol. `grpc` is the number in gRPC and gRPC-Web.
    `http_status` is the HTTP status of a failed Connect unary call.

    Source: Connect protocol reference, "Error Codes"; grpc/grpc, doc/statuscodes.md.
    """

    grpc: int
    http_status: int

    def __new__(cls, value: str, grpc: int, http_status: int) -> "Code":
        member = object.__new__(cls)
        member._value_ = value
        member.grpc = grpc
        member.http_status = http_status
        return member

    CANCELED = "canceled", 1, 499
    UNKNOWN = "unknown", 2, 500
    INVALID_ARGUMENT = "invalid_argument", 3, 400
    DEADLINE_EXCEEDED = "deadline_exceeded", 4, 504
    NOT_FOUND = "not_found", 5, 404
    ALREADY_EXISTS = "already_exists", 6, 409
    PERMISSION_DENIED = "permission_denied", 7, 403
    RESOURCE_EXHAUSTED = "resource_exhausted", 8, 429
    FAILED_PRECONDITION = "failed_precondition", 9, 400
    ABORTED = "aborted", 10, 409
    OUT_OF_RANGE = "out_of_range", 11, 400
    UNIMPLEMENTED = "unimplemented", 12, 501
    INTERNAL = "internal", 13, 500
    UNAVAILABLE = "unavailable", 14, 503
    DATA_LOSS = "data_loss", 15, 500
    UNAUTHENTICATED = "unauthenticated", 16, 401

    @classmethod
    def from_http_status(cls, status: int) -> "Code":
        """Return the code of a response that has this HTTP status and does not carry an RPC error.

        Source: Connect protocol reference, "HTTP to Error Code".
        """
        return _FROM_HTTP_STATUS.get(status, cls.UNKNOWN)


_FROM_HTTP_STATUS = {
    400: Code.INTERNAL,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}
