"""What the pages of all three modules have in common."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from protoc_gen_connect_python._imports.module_imports import Scope
from protoc_gen_connect_python._imports.relative import module_path
from protoc_gen_connect_python._naming.python_names import natural_key
from protoc_gen_connect_python._options import Options
from protoc_gen_connect_python._proto.model import File, Service

PROTOCOL = "connectrpc_protocol"
CLIENT = "connectrpc_client"
SERVER = "connectrpc_server"

Role = Literal["connect", "connect_client", "connect_server"]


@dataclass(frozen=True)
class Header:
    """The beginning of a module, and the path that it is written to."""

    path: str
    source: str
    pragmas: tuple[str, ...]
    imports: tuple[tuple[str, ...], ...]
    assignments: tuple[str, ...]
    exports: tuple[str, ...]


def generated_module(file: File, role: Role) -> str:
    """The dotted name of one of the modules that are generated for a file."""
    return f"{file.module}_{role}"


def header(
    file: File, role: Role, scope: Scope, exports: Iterable[str], *, deprecated: bool = False
) -> Header:
    """The header of a module whose contents are all put together, so that its imports are known.

    `deprecated` says that the module mentions deprecated classes only to pass them on.
    """
    pragmas: list[str] = []
    if deprecated:
        pragmas.append("reportDeprecated=false")
    if scope.uses_private_names:
        pragmas.append("reportPrivateUsage=false")
    return Header(
        path=module_path(generated_module(file, role)),
        source=file.source,
        pragmas=tuple(pragmas),
        imports=scope.imports,
        assignments=scope.assignments,
        exports=tuple(sorted(exports, key=natural_key)),
    )


def client_classes(service: Service, options: Options) -> tuple[str, ...]:
    """The names of a service's client classes, as far as they are wanted."""
    names = service.names
    return _wanted(options.client, names.client, names.client_sync, options)


def server_classes(service: Service, options: Options) -> tuple[str, ...]:
    """The names of a service's server classes, as far as they are wanted."""
    names = service.names
    return (
        *_wanted(options.server, names.protocol, names.protocol_sync, options),
        *_wanted(options.server, names.asgi, names.wsgi, options),
    )


def _wanted(side: bool, asynchronous: str, synchronous: str, options: Options) -> tuple[str, ...]:
    wanted = ((asynchronous, options.asynchronous), (synchronous, options.synchronous))
    return tuple(name for name, io in wanted if side and io)
