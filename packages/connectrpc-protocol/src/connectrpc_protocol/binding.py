"""A method bound to a codec and to options: what all of its calls share."""

from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.code import Code
from connectrpc_protocol.encoding.codec import Codec
from connectrpc_protocol.encoding.messages import MessageDecoder, MessageEncoder
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ClientOptions, ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class ServerBound(Generic[Req, Res]):
    """One method in one codec, on the server."""

    __slots__ = ("codec", "decoder", "encoder", "may_have_deadline", "method", "options")

    def __init__(self, method: Method[Req, Res], codec: Codec, options: ServerOptions) -> None:
        self.method = method
        self.codec = codec
        self.options = options
        self.may_have_deadline = options.may_have_deadline
        self.decoder = MessageDecoder(
            codec, method.request, options.read_max_bytes, Code.INVALID_ARGUMENT
        )
        self.encoder = MessageEncoder(
            codec, method.response, options.compress_min_bytes, options.send_max_bytes
        )


class ClientBound(Generic[Req, Res]):
    """One method of one client."""

    __slots__ = ("decoder", "encoder", "method", "options", "url")

    def __init__(self, method: Method[Req, Res], base_url: str, options: ClientOptions) -> None:
        codec = options.codec
        self.method = method
        self.url = base_url + method.path
        self.options = options
        self.decoder = MessageDecoder(codec, method.response, options.read_max_bytes, Code.INTERNAL)
        self.encoder = MessageEncoder(codec, method.request, options.compress_min_bytes, None)
