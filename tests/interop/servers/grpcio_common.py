"""The parts that grpcio's async and sync services share."""

import grpc
import responses
from interop.v1 import interop_pb2 as pb

STATUS_DETAILS = "grpc-status-details-bin"

CODES = {code.value[0]: code for code in grpc.StatusCode}


def pairs(context: grpc.ServicerContext) -> list[tuple[str, str | bytes]]:
    """Return the metadata of a request."""
    return [(each[0], each[1]) for each in context.invocation_metadata() or ()]


def set_trailers(context: grpc.ServicerContext, request: pb.FailRequest | None = None) -> None:
    """Set the trailers: the metadata of the request, and the details of a failure, if any."""
    trailers = responses.trailers(pairs(context))
    if request is not None and request.details:
        status = pb.Status(code=request.code, message=request.message, details=request.details)
        trailers.append((STATUS_DETAILS, status.SerializeToString()))
    context.set_trailing_metadata(trailers)


def compress(context: grpc.ServicerContext) -> None:
    """Compress the response with gzip if the client accepts it."""
    context.set_compression(grpc.Compression.Gzip)


def remaining(context: grpc.ServicerContext) -> pb.RemainingResponse:
    seconds = context.time_remaining()
    # Without a deadline, the C core returns the largest number that it can represent.
    has_deadline = seconds is not None and seconds < 1e6
    return responses.remaining(seconds * 1000 if has_deadline else None)
