"""What grpcio's async and sync clients share."""

import grpc
from interop.v1 import interop_pb2 as pb
from interop.v1 import interop_pb2_grpc

from clients.interface import CallError, Received, by_name

# Calls of this process must not share connections, or one test would see those of another.
OPTIONS = [("grpc.use_local_subchannel_pool", 1)]


def stub(channel: object, service: str = "InteropService") -> object:
    """The class that grpcio's plugin generated for a service."""
    return getattr(interop_pb2_grpc, f"{service}Stub")(channel)


def compression(*, gzip: bool) -> grpc.Compression:
    return grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression


def target(url: str) -> str:
    return url.partition("://")[2]


def received(metadata: object) -> Received:
    return by_name((each[0], each[1]) for each in metadata or ())


def failure(error: grpc.RpcError) -> CallError:
    """The error of a call, with the details that `grpcio-status` would show."""
    trailers = received(error.trailing_metadata())
    details = [
        detail
        for value in trailers.get("grpc-status-details-bin", ())
        for detail in pb.Status.FromString(value).details
    ]
    return CallError(code(error.code()), error.details() or "", details, trailers)


def code(status: grpc.StatusCode) -> str:
    # The only code that the two projects spell differently.
    return "canceled" if status is grpc.StatusCode.CANCELLED else status.name.lower()
