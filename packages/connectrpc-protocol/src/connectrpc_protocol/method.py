"""The description of one RPC, as the generated code declares it."""

from enum import Enum
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.code import Code
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.representation import representation

Req_co = TypeVar("Req_co", bound=Message, covariant=True)
Res_co = TypeVar("Res_co", bound=Message, covariant=True)


class MethodKind(Enum):
    """The kind of an RPC: which side sends a stream of messages instead of exactly one."""

    UNARY = "unary"
    CLIENT_STREAM = "client stream"
    SERVER_STREAM = "server stream"
    BIDI_STREAM = "bidi stream"

    @property
    def one_request(self) -> bool:
        """True if the client sends exactly one message."""
        return self in (MethodKind.UNARY, MethodKind.SERVER_STREAM)

    @property
    def one_response(self) -> bool:
        """True if the server sends exactly one message."""
        return self in (MethodKind.UNARY, MethodKind.CLIENT_STREAM)


class IdempotencyLevel(Enum):
    """The effect of a repeated call: `idempotency_level` of google.protobuf.MethodOptions.

    A method with `NO_SIDE_EFFECTS` may be called with HTTP GET.
    """

    UNKNOWN = 0
    NO_SIDE_EFFECTS = 1
    IDEMPOTENT = 2


class Method(Generic[Req_co, Res_co]):
    """One RPC: its name, its kind and the types of its messages."""

    __slots__ = ("full_name", "idempotency", "kind", "name", "path", "request", "response")

    def __init__(
        self,
        *,
        service: str,
        name: str,
        kind: MethodKind,
        request: type[Req_co],
        response: type[Res_co],
        idempotency: IdempotencyLevel = IdempotencyLevel.UNKNOWN,
    ) -> None:
        self.name = name
        self.full_name = f"{service}/{name}"
        self.path = f"/{self.full_name}"
        self.kind = kind
        self.request = request
        self.response = response
        self.idempotency = idempotency

    @property
    def service(self) -> str:
        """The full name of the service, such as `acme.eliza.v1.ElizaService`."""
        return self.full_name.rpartition("/")[0]

    @property
    def allows_get(self) -> bool:
        """True if a Connect client may call the method with HTTP GET."""
        return (
            self.kind is MethodKind.UNARY and self.idempotency is IdempotencyLevel.NO_SIDE_EFFECTS
        )

    def unimplemented(self) -> ConnectError:
        """Return the error of a service that does not implement this method."""
        return ConnectError(Code.UNIMPLEMENTED, f"{self.full_name} is not implemented")

    def __repr__(self) -> str:
        return representation(self, lambda: f"{self.full_name} ({self.kind.value})")
