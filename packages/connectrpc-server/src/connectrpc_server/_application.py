"""The base class of ASGI and WSGI applications, with their options."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from connectrpc_protocol import Codec, Compression, CompressionName
from connectrpc_protocol.argument_checks import as_tuple
from connectrpc_protocol.options import ServerOptions, server_compressions
from connectrpc_protocol.representation import representation

Service_contra = TypeVar("Service_contra", contravariant=True)
Interceptor_contra = TypeVar("Interceptor_contra", contravariant=True)

_DEFAULTS = ServerOptions(compressions=server_compressions(()))


class Application(ABC, Generic[Service_contra, Interceptor_contra]):
    """One service and its options."""

    service_name: ClassVar[str]

    def __init__(
        self,
        service: Service_contra,
        *,
        interceptors: Iterable[Interceptor_contra] = (),
        read_max_bytes: int | None = _DEFAULTS.read_max_bytes,
        send_max_bytes: int | None = _DEFAULTS.send_max_bytes,
        compress_min_bytes: int = _DEFAULTS.compress_min_bytes,
        compressions: Iterable[CompressionName | Compression] | None = None,
        codecs: Iterable[Codec] = _DEFAULTS.codecs,
        default_timeout_ms: int | None = _DEFAULTS.default_timeout_ms,
        max_timeout_ms: int | None = _DEFAULTS.max_timeout_ms,
        require_connect_protocol_header: bool = _DEFAULTS.require_connect_protocol_header,
        expose_errors: bool = _DEFAULTS.expose_errors,
    ) -> None:
        """Create an application that serves the calls of a service.

        - `service`: the object whose methods handle the calls. For an ASGI application also an
          async context manager or an async generator that yields it.
        - `interceptors`: run around every call, the first one outermost.
        - `read_max_bytes`: the largest request message in bytes, before and after decompression;
          4 MiB by default, `None` for no limit.
        - `send_max_bytes`: the largest response message in bytes, before compression; by default
          `None`, no limit.
        - `compress_min_bytes`: responses of fewer bytes are not compressed.
        - `compressions`: the compressions that the server accepts and offers, by name or as
          objects; by default gzip, and `br` and `zstd` if their extras are installed.
        - `codecs`: the codecs that the server accepts; by default Protobuf binary and JSON. They
          replace the default ones: `[ProtoCodec(), JsonCodec(use_integers_for_enums=True)]`.
        - `default_timeout_ms`: the timeout in milliseconds of calls whose client sends none; by
          default they do not have one.
        - `max_timeout_ms`: the longest timeout of any call in milliseconds; by default `None`, no
          limit.
        - `require_connect_protocol_header`: refuse Connect calls without the header
          `connect-protocol-version`.
        - `expose_errors`: send clients the text of unexpected exceptions; for development only.

        Raises `TypeError` for an interceptor that cannot be used or would never be called, a
        handler of the wrong kind or with the wrong parameters, a service that does not have a
        method for each RPC, an object that cannot be a service, such as a class, and a number that
        is not an integer; `ValueError` for a negative number, an empty list of codecs, and an
        unknown compression; `ImportError` for a compression that is not installed.

        Warns (`UserWarning`) of a public method of the service that is not an RPC, if its name
        resembles an RPC that the service does not implement.
        """
        options = ServerOptions(
            read_max_bytes=read_max_bytes,
            send_max_bytes=send_max_bytes,
            compress_min_bytes=compress_min_bytes,
            compressions=server_compressions(compressions),
            codecs=as_tuple("codecs", codecs),
            default_timeout_ms=default_timeout_ms,
            max_timeout_ms=max_timeout_ms,
            require_connect_protocol_header=require_connect_protocol_header,
            expose_errors=expose_errors,
        )
        self._serve(service, interceptors, options)

    @abstractmethod
    def _serve(
        self,
        service: Service_contra,
        interceptors: Iterable[Interceptor_contra],
        options: ServerOptions,
    ) -> None:
        """Build the endpoints of the service, now or when the server starts."""

    def __repr__(self) -> str:
        return representation(self, lambda: self.service_name)

    @property
    def path(self) -> str:
        """The path of the service, such as `/acme.eliza.v1.ElizaService`, for mounting."""
        return f"/{self.service_name}"
