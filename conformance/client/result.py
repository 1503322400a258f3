"""The result of a call, as the suite's runner wants it. The same for async and sync clients."""

import traceback

from connectrpc.conformance.v1 import service_pb2 as pb
from connectrpc.conformance.v1.client_compat_pb2 import (
    ClientCompatRequest,
    ClientCompatResponse,
    ClientErrorResult,
    ClientResponseResult,
)
from google.protobuf.any_pb2 import Any

from common.messages import suite_code, suite_headers
from connectrpc_client import Code, ConnectError, Headers

_ANY_PREFIX = "type.googleapis.com/"


class Result:
    """The result of a call. It is filled while the call runs."""

    def __init__(self) -> None:
        self.proto = ClientResponseResult()

    @property
    def count(self) -> int:
        """The number of responses that have arrived."""
        return len(self.proto.payloads)

    def add(self, response: pb.BidiStreamResponse | pb.ServerStreamResponse | None) -> None:
        """Add a response of a stream; `None` means that the stream has ended."""
        if response is not None:
            self.proto.payloads.append(response.payload)

    def set_metadata(self, headers: Headers, trailers: Headers) -> None:
        """Set the headers and trailers of the response; a second call replaces them."""
        for target, source in (
            (self.proto.response_headers, headers),
            (self.proto.response_trailers, trailers),
        ):
            del target[:]
            target.extend(suite_headers(source))

    def set_error(self, error: ConnectError) -> None:
        """Set the error of a failed call.

        If the response did not separate headers from trailers, `error.metadata` holds both. The
        suite then expects them as trailers.
        """
        if not self.proto.response_headers and not self.proto.response_trailers:
            self.set_metadata(Headers(), error.metadata)
        details = [
            Any(type_url=_ANY_PREFIX + detail.type_name, value=detail.value)
            for detail in error.details
        ]
        self.proto.error.CopyFrom(
            pb.Error(code=suite_code(error.code), message=error.message, details=details)
        )

    def set_canceled(self) -> None:
        """Set the code for a call whose task was cancelled.

        Such a call raises `CancelledError`, not `ConnectError`, but the suite expects a code.
        """
        self.proto.error.CopyFrom(pb.Error(code=suite_code(Code.CANCELED)))


def failed(request: ClientCompatRequest, error: Exception) -> ClientCompatResponse:
    """Return the response to the runner for a call that could not be made."""
    text = "".join(traceback.format_exception(error))
    return ClientCompatResponse(test_name=request.test_name, error=ClientErrorResult(message=text))
