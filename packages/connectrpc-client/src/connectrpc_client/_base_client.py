"""The base of `Client` and `ClientSync`: the options, and the functions that make calls."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_client._cancellation import Cancellation, Closing
from connectrpc_client._context import ClientContext
from connectrpc_client._settings import Settings
from connectrpc_client._transports.select import transport_name
from connectrpc_protocol import (
    Codec,
    CodecName,
    Compression,
    CompressionName,
    Compressions,
    HeadersInput,
    Method,
    MethodKind,
    ProtocolName,
    resolve_compression,
)
from connectrpc_protocol.argument_checks import as_tuple
from connectrpc_protocol.encoding.codec import PROTO, resolve_codec
from connectrpc_protocol.options import ACCEPT_COMPRESSION, ClientOptions
from connectrpc_protocol.representation import representation

HttpClient = TypeVar("HttpClient")
AnyInterceptor = TypeVar("AnyInterceptor")

_DEFAULTS = ClientOptions(codec=PROTO, accept_compression=Compressions(()))


class BaseClient(Generic[HttpClient, AnyInterceptor]):
    """See `Client` and `ClientSync`."""

    def __init__(
        self,
        base_url: str,
        *,
        http_client: HttpClient | None = None,
        headers: HeadersInput | None = None,
        protocol: ProtocolName = "connect",
        codec: CodecName | Codec = PROTO.name,
        send_compression: CompressionName | Compression | None = _DEFAULTS.send_compression,
        accept_compression: Iterable[CompressionName | Compression] = ACCEPT_COMPRESSION,
        compress_min_bytes: int = _DEFAULTS.compress_min_bytes,
        timeout_ms: int | None = _DEFAULTS.timeout_ms,
        read_max_bytes: int | None = _DEFAULTS.read_max_bytes,
        interceptors: Iterable[AnyInterceptor] = (),
    ) -> None:
        """Make a client of one service. It connects when the first call is made.

        - `base_url`: the address of the service, such as `https://api.example.com`.
        - `http_client`: sends the requests. It stays open when this client is closed. For `Client`:
          a `pyqwest.Client`, an `httpx.AsyncClient`, an `httpx2.AsyncClient` or a `Transport`; for
          `ClientSync`: a `pyqwest.SyncClient`, an `httpx.Client`, an `httpx2.Client` or a
          `TransportSync`. If `None`, this client makes its own, with pyqwest if that is installed
          and with httpx otherwise, and closes it.
        - `headers`: sent with every call. The headers of a call replace those of the same name.
          They are copied: a later change of the given object does not count.
        - `protocol`: `"connect"`, `"grpc"` or `"grpc-web"`.
        - `codec`: how messages are encoded: `"proto"`, `"json"` or a `Codec`, such as a
          `JsonCodec` with options.
        - `send_compression`: the compression of requests, by name or as a `Compression`; `None` for
          no compression.
        - `accept_compression`: the compressions that the server may use, the preferred one first.
          The default, gzip, needs no extra to be installed.
        - `compress_min_bytes`: a request message with fewer bytes is not compressed.
        - `timeout_ms`: the timeout of calls that do not set one, in milliseconds; `None` for no
          timeout.
        - `read_max_bytes`: the largest response message in bytes, before and after decompression;
          `None` lifts the limit.
        - `interceptors`: wrap every call; the first one is the outermost.

        Raises `ValueError` for a bad option, such as a header that the client sets itself, and if
        `http_client` cannot do what the protocol needs; `TypeError` if `http_client` cannot be
        used, for an interceptor that would never be called, and for a number that is not an
        integer; `ImportError` for a compression that is not installed.
        """
        self._settings = Settings(
            base_url,
            protocol,
            headers,
            ClientOptions(
                codec=resolve_codec(codec),
                send_compression=(
                    None if send_compression is None else resolve_compression(send_compression)
                ),
                accept_compression=Compressions(as_tuple("accept_compression", accept_compression)),
                compress_min_bytes=compress_min_bytes,
                read_max_bytes=read_max_bytes,
                timeout_ms=timeout_ms,
            ),
        )
        self._closing = Closing()
        self._http_client = http_client
        self._owns_transport = http_client is None
        self._set_up(http_client, interceptors)
        self._functions = _Functions(self._builders())

    def __repr__(self) -> str:
        return representation(self, self._summary)

    def _summary(self) -> str:
        settings = self._settings
        words = [
            settings.protocol.name,
            settings.options.codec.name,
            transport_name(self._http_client),
        ]
        if self._closing.is_cancelled:
            words.append("closed")
        return f"{settings.public_url} ({', '.join(words)})"

    def _set_up(
        self, http_client: HttpClient | None, interceptors: Iterable[AnyInterceptor]
    ) -> None:
        """Set up the interceptors and the transport, whose types depend on the kind of client."""
        raise NotImplementedError

    def _builders(self) -> "dict[MethodKind, Callable[[Method[Any, Any]], object]]":
        """Return the builder of the function that makes calls, for each kind of RPC."""
        raise NotImplementedError

    def _begin(
        self,
        method: Method[Message, Message],
        headers: HeadersInput | None,
        timeout_ms: int | None,
        cancellation: Cancellation | None = None,
        *,
        use_get: bool = False,
    ) -> ClientContext:
        """Return the context of a call that begins now.

        Raises `RuntimeError` if the client is closed.
        """
        if self._closing.is_cancelled:
            raise RuntimeError("this client is closed")
        context = self._settings.context(method, headers, timeout_ms, cancellation, use_get=use_get)
        context.closing = self._closing
        return context


class _Functions(dict[Method[Message, Message], Any]):
    """For each method, the function that makes its calls, with the interceptors around it.

    A function is built when it is first looked up. Its type follows from the method's kind and
    messages.
    """

    def __init__(self, builders: dict[MethodKind, Callable[[Method[Any, Any]], object]]) -> None:
        super().__init__()
        self._builders = builders

    def __missing__(self, method: Method[Message, Message]) -> object:
        function = self[method] = self._builders[method.kind](method)
        return function
