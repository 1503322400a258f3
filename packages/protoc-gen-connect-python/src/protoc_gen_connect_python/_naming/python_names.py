"""Every rule by which a name of a proto file becomes a Python name.

Names that meet are told apart in the order of declaration: the earlier one keeps the plain name
and the later one gets underscores at its end, so adding an RPC at the end of a file renames
nothing that is there. No rule looks at the options `side` and `io`, so the parts of a tree that
were generated separately fit together.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

# Fixed lists: the output must not depend on the version of Python that the plugin runs on.
HARD_KEYWORDS = frozenset(
    {
        "False",
        "None",
        "True",
        "and",
        "as",
        "assert",
        "async",
        "await",
        "break",
        "class",
        "continue",
        "def",
        "del",
        "elif",
        "else",
        "except",
        "finally",
        "for",
        "from",
        "global",
        "if",
        "import",
        "in",
        "is",
        "lambda",
        "nonlocal",
        "not",
        "or",
        "pass",
        "raise",
        "return",
        "try",
        "while",
        "with",
        "yield",
    }
)
SOFT_KEYWORDS = frozenset({"case", "match", "type"})

RESERVED_CLIENT_NAMES = frozenset({"aclose", "close"})
"""The public attributes of the runtime's client classes; an RPC must not replace one."""

# Linters refuse them as names of functions and classes, whatever the font.
_AMBIGUOUS = frozenset({"I", "O", "l"})
# Generated classes use these names in their own bodies, after the methods that would hide them.
_USED_IN_CLASS_BODIES = frozenset({"bool", "int"})
_USED_IN_MODULES = frozenset({"TYPE_CHECKING", "getattr"})

RESERVED_METHOD_NAMES = (
    HARD_KEYWORDS
    | SOFT_KEYWORDS
    | RESERVED_CLIENT_NAMES
    | _AMBIGUOUS
    | _USED_IN_CLASS_BODIES
    | {"cls", "self"}
)
RESERVED_PUBLIC_NAMES = HARD_KEYWORDS | SOFT_KEYWORDS | _AMBIGUOUS | _USED_IN_MODULES

_WORD = re.compile(
    r"""
      OAuth\d*(?![a-z])                     # the one word whose capitals mislead
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
    """`GetHTTPStatus` as `get_http_status`; a name without capitals stays as it is."""
    if name == name.lower():
        return name
    return "_".join(word.lower() for word in _WORD.findall(name))


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with as many underscores at its end as it takes to differ from all others."""
    while name in taken:
        name += "_"
    return name


def companion(method: str) -> str:
    """The method that also returns headers and trailers."""
    return f"call_{method}"


def opener(method: str) -> str:
    """The method that opens a call; RPCs with a stream of requests have one."""
    return f"open_{method}"


def methods_of(name: str, *, opens: bool) -> set[str]:
    """Every method of clients that an RPC of this name takes."""
    return {name, companion(name), opener(name)} if opens else {name, companion(name)}


def method_names(
    rpcs: Iterable[str], naming: str, streaming_requests: Collection[str] = ()
) -> list[str]:
    """One method name per RPC; it and those that go with it are unique within the service.

    `streaming_requests` are the RPCs with a stream of requests.
    """
    taken: set[str] = set()
    names: list[str] = []
    for rpc in rpcs:
        name, opens = _plain_method_name(rpc, naming), rpc in streaming_requests
        while not methods_of(name, opens=opens).isdisjoint(taken | RESERVED_METHOD_NAMES):
            name += "_"
        taken |= methods_of(name, opens=opens)
        names.append(name)
    return names


def _plain_method_name(rpc: str, naming: str) -> str:
    # Python gives names with underscores in front a meaning of their own: private, mangled, magic.
    name = rpc.strip("_")
    name = snake_case(name) if naming == "snake" else name
    return name if name[:1].isalpha() else f"rpc_{name}".strip("_")


@dataclass(frozen=True)
class ServiceNames:
    """The names that one service puts into the modules of its file."""

    protocol: str
    protocol_sync: str
    client: str
    client_sync: str
    asgi: str
    wsgi: str
    constant: str
    method_constants: tuple[str, ...]

    @property
    def public(self) -> tuple[str, ...]:
        """All of them."""
        classes = (self.protocol, self.protocol_sync, self.client, self.client_sync)
        return (*classes, self.asgi, self.wsgi, self.constant, *self.method_constants)


def service_names(services: Iterable[tuple[str, Sequence[str]]]) -> list[ServiceNames]:
    """The classes and constants of a file, given its services with the names of their RPCs."""
    taken = set(RESERVED_PUBLIC_NAMES)
    return [_service_names(service, rpcs, taken) for service, rpcs in services]


def _service_names(service: str, rpcs: Iterable[str], taken: set[str]) -> ServiceNames:
    def take(name: str) -> str:
        free = free_name(name, taken)
        taken.add(free)
        return free

    base = service.strip("_")
    base = base if base[:1].isalpha() else f"Service{base}"
    prefix = snake_case(base).upper()
    return ServiceNames(
        protocol=take(base),
        protocol_sync=take(f"{base}Sync"),
        client=take(f"{base}Client"),
        client_sync=take(f"{base}ClientSync"),
        asgi=take(f"{base}ASGIApplication"),
        wsgi=take(f"{base}WSGIApplication"),
        constant=take(f"{prefix}_NAME"),
        method_constants=tuple(take(f"{prefix}_{_constant_part(rpc)}") for rpc in rpcs),
    )


def _constant_part(rpc: str) -> str:
    return snake_case(rpc.strip("_")).upper() or "RPC"


def natural_key(name: str) -> tuple[int, list[tuple[int, int, str]]]:
    """The order of `__all__` and of imported names: constants, classes, others; 2 before 10."""
    group = 0 if len(name) > 1 and name.isupper() else 1 if name[:1].isupper() else 2
    return group, [
        (0, int(run), "") if run.isdigit() else (1, 0, run) for run in re.findall(r"\d+|\D+", name)
    ]
