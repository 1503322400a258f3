"""One method in one protocol and codec: the parts that its calls share, built once."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.call import Fields, Peer
from connectrpc_protocol.code import Code
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.codec import Codec
from connectrpc_protocol.encoding.messages import MessageDecoder, MessageEncoder
from connectrpc_protocol.errors import ConnectError, as_connect_error
from connectrpc_protocol.headers import RawHeaders
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ClientOptions, ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Call = TypeVar("Call")
Call_co = TypeVar("Call_co", covariant=True)


Accept: TypeAlias = Callable[[RawHeaders, Fields, bytes, Peer], Call | HttpResponse]
"""Begins a call, or returns the response that refuses it; see `ServerBinding.accept`."""


class ServerBinding(ABC, Generic[Req, Res, Call_co]):
    """A method on the server, in the protocol and the codec of one content type."""

    __slots__ = (
        "codec",
        "content_type",
        "decoder",
        "encoder",
        "may_have_deadline",
        "method",
        "options",
    )

    def __init__(
        self, method: Method[Req, Res], codec: Codec, options: ServerOptions, content_type: str
    ) -> None:
        self.method = method
        self.codec = codec
        self.options = options
        self.content_type = content_type.encode()
        self.may_have_deadline = options.may_have_deadline  # computed once; every call reads it
        self.decoder = MessageDecoder(
            codec, method.request, options.read_max_bytes, Code.INVALID_ARGUMENT
        )
        self.encoder = MessageEncoder(
            codec, method.response, options.compress_min_bytes, options.send_max_bytes
        )

    @abstractmethod
    def accept(
        self, headers: RawHeaders, fields: Fields, query: bytes, peer: Peer
    ) -> Call_co | HttpResponse:
        """Begin a call, or return the response that refuses it."""

    def to_connect_error(self, exc: BaseException) -> ConnectError:
        """Return the error to send to the client. See `as_connect_error`."""
        return as_connect_error(exc, expose=self.options.expose_errors)


class ClientBinding(ABC, Generic[Req, Res, Call_co]):
    """A method of one client, in the protocol and the codec of that client."""

    __slots__ = ("decoder", "encoder", "method", "options", "url")

    def __init__(self, method: Method[Req, Res], base_url: str, options: ClientOptions) -> None:
        codec = options.codec
        self.method = method
        self.url = base_url + method.path
        self.options = options
        self.decoder = MessageDecoder(codec, method.response, options.read_max_bytes, Code.INTERNAL)
        self.encoder = MessageEncoder(codec, method.request, options.compress_min_bytes, None)

    @abstractmethod
    def call(self, context: RequestContext) -> Call_co:
        """Begin a call."""
