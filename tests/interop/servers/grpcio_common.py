"""What grpcio's async and sync services share."""

import grpc
import responses
from interop.v1 import interop_pb2 as pb

STATUS_DETAILS = "grpc-status-details-bin"

CODES = {code.value[0]: code for code in grpc.StatusCode}


def pairs(context: grpc.ServicerContext) -> list[tuple[str, str | bytes]]:
    """The metadata of a request."""
    return [(each[0], each[1]) for each in context.invocation_metadata() or ()]


def set_trailers(context: grpc.ServicerContext, request: pb.FailRequest | None = None) -> None:
    """Send back what came with the request and, where it fails, the details of the failure."""
    trailers = responses.trailers(pairs(context))
    if request is not None and request.details:
        status = pb.Status(code=request.code, message=request.message, details=request.details)
        trailers.append((STATUS_DETAILS, status.SerializeToString()))
    context.set_trailing_metadata(trailers)


def compress(context: grpc.ServicerContext) -> None:
    """Compress the answer where the client takes it."""
    context.set_compression(grpc.Compression.Gzip)


def remaining(context: grpc.ServicerContext) -> pb.RemainingResponse:
    seconds = context.time_remaining()
    # The C core says "no deadline" with the largest number that it has.
    has_deadline = seconds is not None and seconds < 1e6
    return responses.remaining(seconds * 1000 if has_deadline else None)
