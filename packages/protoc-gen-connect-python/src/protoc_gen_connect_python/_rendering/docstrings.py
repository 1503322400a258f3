"""The docstrings of the generated classes and methods, for clients and for servers.

Each one has the same parts: the comment of the proto file if there is one, the kind and the name of
the RPC, a note if it is deprecated, the options, and the error. Editors show the docstring of one
method alone, so the parts are repeated in each method of an RPC.
"""

from protoc_gen_connect_python._proto.comments import docstring
from protoc_gen_connect_python._proto.model import ProtoMethod, ProtoService
from protoc_gen_connect_python._rendering.flavour import Flavour

_HEADERS = "- `headers`: sent with the call; they replace the client's headers of the same name."
_TIMEOUT_MS = "- `timeout_ms`: the timeout in milliseconds; `None` for that of the client."
_CANCELLATION = "- `cancellation`: ends the call from another thread."
_USE_GET = "- `use_get`: send the request with HTTP GET, if the protocol is Connect."
_CLIENT_ERROR = "Raises `ConnectError` if the call fails."
_OPEN_ERROR = "The methods of the call raise `ConnectError` if it fails."
_CONTEXT = (
    "`ctx` has the metadata and the deadline of the call. Raise `ConnectError` to fail the call."
)


def client_class(service: ProtoService, flavour: Flavour) -> str:
    """Return the docstring of a client class."""
    return _join(
        service.comment,
        f"Calls `{service.full_name}` from {flavour.name} code.",
        _deprecated(service),
        f"`{flavour.client}.__init__` describes the options. A call that fails raises "
        "`ConnectError`.",
    )


def client_method(method: ProtoMethod, flavour: Flavour) -> str:
    """Return the docstring of a client method that returns messages."""
    begin = "The call begins with the first read." if method.kind.response_stream else ""
    return _join(*_call(method, begin), _options(flavour, use_get=method.allows_get), _CLIENT_ERROR)


def call_method(method: ProtoMethod, flavour: Flavour) -> str:
    """Return the docstring of a `call_…` method. Its first line says how it differs."""
    return _join(
        f"Calls `{method.name}` and also returns headers and trailers.",
        *_call(method),
        _options(flavour, use_get=method.allows_get),
        _CLIENT_ERROR,
    )


def open_method(method: ProtoMethod, flavour: Flavour) -> str:
    """Return the docstring of an `open_…` method. Its first line says how it differs."""
    return _join(
        f"Opens a call of `{method.name}`, to send requests one by one.",
        *_call(method),
        _options(flavour, use_get=False),
        _OPEN_ERROR,
    )


def service_class(service: ProtoService, flavour: Flavour) -> str:
    """Return the docstring of the class to implement."""
    return _join(
        service.comment,
        f"The base class of {flavour.name} implementations of `{service.full_name}`.",
        _deprecated(service),
    )


def server_method(method: ProtoMethod) -> str:
    """Return the docstring of a method to implement."""
    return _join(method.comment, f"Handles {_rpc(method)}.", _deprecated(method), _CONTEXT)


def application_class(service: ProtoService, flavour: Flavour) -> str:
    """Return the docstring of an application class."""
    return _join(
        f"Serves `{service.full_name}` over {flavour.interface}.",
        _deprecated(service),
        f"`{flavour.application}.__init__` describes the options.",
    )


def _call(method: ProtoMethod, note: str = "") -> tuple[str, ...]:
    lines = filter(None, [f"Calls {_rpc(method)}.", note])
    return method.comment, "\n".join(lines), _deprecated(method)


def _rpc(method: ProtoMethod) -> str:
    return f"the {method.kind.value.replace('_', ' ')} RPC `{method.full_name}`"


def _deprecated(declaration: ProtoMethod | ProtoService) -> str:
    return "Deprecated." if declaration.deprecated else ""


def _options(flavour: Flavour, *, use_get: bool) -> str:
    options = [_HEADERS, _TIMEOUT_MS]
    if flavour.cancellation:
        options.append(_CANCELLATION)
    if use_get:
        options.append(_USE_GET)
    return "\n".join(options)


def _join(*paragraphs: str) -> str:
    return docstring("\n\n".join(filter(None, paragraphs)))
