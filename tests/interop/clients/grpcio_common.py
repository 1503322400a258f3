"""The parts that grpcio's async and sync clients share."""

import grpc
from interop.v1 import interop_pb2 as pb
from interop.v1 import interop_pb2_grpc

from clients.interface import CallError, Received, by_name

# Clients of this process must not share connections: some tests count them.
OPTIONS = [("grpc.use_local_subchannel_pool", 1)]


def stub(channel: object, service: str = "InteropService") -> object:
    """Return the stub that grpcio's plugin generated for a service."""
    return getattr(interop_pb2_grpc, f"{service}Stub")(channel)


def compression(*, gzip: bool) -> grpc.Compression:
    return grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression


def target(url: str) -> str:
    return url.partition("://")[2]


def received(metadata: object) -> Received:
    return by_name((each[0], each[1]) for each in metadata or ())


def call_error(error: grpc.RpcError) -> CallError:
    """Convert the error of a call. Its details are those that `grpcio-status` would return."""
    trailers = received(error.trailing_metadata())
    details = [
        detail
        for value in trailers.get("grpc-status-details-bin", ())
        for detail in pb.Status.FromString(value).details
    ]
    return CallError(code(error.code()), error.details() or "", details, trailers)


def code(status: grpc.StatusCode) -> str:
    # gRPC and Connect spell only this code differently.
    return "canceled" if status is grpc.StatusCode.CANCELLED else status.name.lower()
