"""The words in which async and sync code differ, for clients and for servers."""

from dataclasses import dataclass

from protoc_gen_connect_python._naming.python_names import ClassNames, ServiceNames
from protoc_gen_connect_python._options import Options


@dataclass(frozen=True)
class Flavour:
    """Async or sync code: its keywords, and the names that it imports.

    `definition` begins the definition of a method. `await_prefix` precedes a call, and is empty in
    sync code. `cancellation` is the type of the argument that cancels a call, and is empty in async
    code, which cancels calls through the event loop.
    """

    name: str
    definition: str
    await_prefix: str
    # collections.abc
    request_iterables: tuple[str, ...]
    response_generator: str
    message_iterator: str
    # connectrpc_client
    client: str
    stream_output: str
    client_stream_call: str
    bidi_call: str
    cancellation: str
    # connectrpc_server
    interface: str
    handler: str

    @property
    def application(self) -> str:
        """The base class of applications."""
        return f"{self.interface}Application"


ASYNC = Flavour(
    name="async",
    definition="async def",
    await_prefix="await ",
    request_iterables=("AsyncIterable", "Iterable"),
    response_generator="AsyncGenerator",
    message_iterator="AsyncIterator",
    client="Client",
    stream_output="StreamOutput",
    client_stream_call="ClientStreamCall",
    bidi_call="BidiCall",
    cancellation="",
    interface="ASGI",
    handler="Handler",
)
SYNC = Flavour(
    name="sync",
    definition="def",
    await_prefix="",
    request_iterables=("Iterable",),
    response_generator="Generator",
    message_iterator="Iterator",
    client="ClientSync",
    stream_output="StreamOutputSync",
    client_stream_call="ClientStreamCallSync",
    bidi_call="BidiCallSync",
    cancellation="Cancellation",
    interface="WSGI",
    handler="HandlerSync",
)


def flavours(options: Options) -> tuple[Flavour, ...]:
    """Return the flavours to generate, async before sync."""
    wanted = ((ASYNC, options.async_code), (SYNC, options.sync_code))
    return tuple(flavour for flavour, is_wanted in wanted if is_wanted)


def class_names(names: ServiceNames, flavour: Flavour) -> ClassNames:
    """Return the names of a service's classes in one flavour."""
    return names.sync_classes if flavour is SYNC else names.async_classes


def client_class_names(names: ServiceNames, options: Options) -> list[str]:
    """Return the names of the client classes to generate for a service."""
    classes = [class_names(names, flavour) for flavour in flavours(options)]
    return [each.client for each in classes] if options.client else []


def server_class_names(names: ServiceNames, options: Options) -> list[str]:
    """Return the names of the server classes to generate for a service."""
    classes = [class_names(names, flavour) for flavour in flavours(options)]
    if not options.server:
        return []
    return [name for each in classes for name in (each.service, each.application)]
