"""The names of Python classes, methods and constants, made from the names of services and RPCs.

Collisions are resolved in the order of declaration: the first name stays plain, and later ones get
underscores at the end. An RPC that is added at the end of a file therefore renames nothing. No rule
depends on the options `side` and `io`, so parts of a tree can be generated separately and still fit
together.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from protoc_gen_connect_python._naming.keywords import (
    RESERVED_METHOD_NAMES,
    RESERVED_PUBLIC_NAMES,
)

_WORD = re.compile(
    r"""
      OAuth\d*(?![a-z])                     # one word, in spite of its capitals
    | [A-Z]\d[A-Z](?=_|$|[A-Z][a-z])        # P2P, B2B
    | [A-Z]+\d+[a-z0-9]*                    # V1, V1beta1, X509, SHA256
    | [A-Z]{2,}v\d+                         # IPv4
    | [A-Z]{2,}s(?![a-z])\d*                # IDs, URLs
    | [A-Z]+(?![a-z])                       # HTTP, and the A of GetACat
    | [A-Z]?[a-z][a-z0-9]*                  # Status, foo
    | \d+
    """,
    re.VERBOSE,
)


def snake_case(name: str) -> str:
    """Return `get_http_status` for `GetHTTPStatus`; a name without capitals does not change."""
    if name == name.lower():
        return name
    return "_".join(word.lower() for word in _WORD.findall(name))


def free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with as many underscores at the end as it needs to differ from `taken`."""
    while name in taken:
        name += "_"
    return name


def call_method(method: str) -> str:
    """Return the name of the client method that also returns headers and trailers."""
    return f"call_{method}"


def open_method(method: str) -> str:
    """Return the name of the client method that opens a call, to send requests one by one."""
    return f"open_{method}"


def client_methods(method: str, *, request_stream: bool) -> set[str]:
    """Return the names of all methods that clients have for one RPC."""
    names = {method, call_method(method)}
    return names | {open_method(method)} if request_stream else names


def method_names(
    rpcs: Iterable[str], naming: str, request_streams: Collection[str] = ()
) -> list[str]:
    """Return a method name for each RPC of a service.

    The names are unique in the service, and so are those of the call methods and open methods.
    `request_streams` contains the RPCs whose clients send a stream of requests.
    """
    taken: set[str] = set()
    names: list[str] = []
    for rpc in rpcs:
        name, streams = _plain_method_name(rpc, naming), rpc in request_streams
        while client_methods(name, request_stream=streams) & (taken | RESERVED_METHOD_NAMES):
            name += "_"
        taken |= client_methods(name, request_stream=streams)
        names.append(name)
    return names


def _plain_method_name(rpc: str, naming: str) -> str:
    # For Python, leading underscores mean that a name is private, mangled or special.
    name = rpc.strip("_")
    name = snake_case(name) if naming == "snake" else name
    return name if name[:1].isalpha() else f"rpc_{name}".strip("_")


@dataclass(frozen=True)
class ClassNames:
    """The names of the classes of one service, either for async or for sync code."""

    service: str
    client: str
    application: str


@dataclass(frozen=True)
class ServiceNames:
    """The names that one service adds to the modules of its file.

    `name_constant` is the constant that contains the name of the service.
    """

    async_classes: ClassNames
    sync_classes: ClassNames
    name_constant: str
    method_constants: tuple[str, ...]

    @property
    def constants(self) -> tuple[str, ...]:
        """All constants."""
        return (self.name_constant, *self.method_constants)

    @property
    def public(self) -> tuple[str, ...]:
        """All names, in the order in which they were chosen."""
        async_, sync = self.async_classes, self.sync_classes
        classes = (async_.service, sync.service, async_.client, sync.client)
        return (*classes, async_.application, sync.application, *self.constants)


def service_names(services: Iterable[tuple[str, Sequence[str]]]) -> list[ServiceNames]:
    """Return the names of each service of a file, given the services with their RPCs."""
    taken = set(RESERVED_PUBLIC_NAMES)
    return [_service_names(service, rpcs, taken) for service, rpcs in services]


def _service_names(service: str, rpcs: Iterable[str], taken: set[str]) -> ServiceNames:
    def choose(name: str) -> str:
        free = free_name(name, taken)
        taken.add(free)
        return free

    base = service.strip("_")
    base = base if base[:1].isalpha() else f"Service{base}"
    prefix = snake_case(base).upper()
    # The order of these lines decides which name stays plain when two collide.
    service_class, service_sync = choose(base), choose(f"{base}Sync")
    client, client_sync = choose(f"{base}Client"), choose(f"{base}ClientSync")
    asgi, wsgi = choose(f"{base}ASGIApplication"), choose(f"{base}WSGIApplication")
    return ServiceNames(
        async_classes=ClassNames(service_class, client, asgi),
        sync_classes=ClassNames(service_sync, client_sync, wsgi),
        name_constant=choose(f"{prefix}_NAME"),
        method_constants=tuple(choose(f"{prefix}_{_constant_part(rpc)}") for rpc in rpcs),
    )


def _constant_part(rpc: str) -> str:
    return snake_case(rpc.strip("_")).upper() or "RPC"
