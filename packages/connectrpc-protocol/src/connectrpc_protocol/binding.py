"""One method in one protocol and codec: what all of its calls share, ready before the first."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.call import Fields, Peer
from connectrpc_protocol.code import Code
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.codec import Codec
from connectrpc_protocol.encoding.messages import MessageDecoder, MessageEncoder
from connectrpc_protocol.headers import RawHeaders
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ClientOptions, ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
Call_co = TypeVar("Call_co", covariant=True)


class ServerBinding(ABC, Generic[Req, Res, Call_co]):
    """One method in one protocol and codec on the server: what one content type stands for."""

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
        self.may_have_deadline = options.may_have_deadline
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


class ClientBinding(ABC, Generic[Req, Res, Call_co]):
    """One method in the protocol and the codec of one client."""

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
