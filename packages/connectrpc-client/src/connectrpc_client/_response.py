"""The response of a call with one response message, in async and sync clients."""

from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol import Headers, RequestContext
from connectrpc_protocol.representation import representation

Res = TypeVar("Res", bound=Message)


class UnaryOutput(Generic[Res]):
    """One response message, with the headers and trailers that came with it."""

    __slots__ = ("_context", "message")

    def __init__(self, message: Res, context: RequestContext) -> None:
        self.message = message
        self._context = context

    @property
    def headers(self) -> Headers:
        """The response headers."""
        return self._context.response_headers

    @property
    def trailers(self) -> Headers:
        """The response trailers."""
        return self._context.response_trailers

    def __repr__(self) -> str:
        return representation(self, lambda: self._context.method.full_name)
