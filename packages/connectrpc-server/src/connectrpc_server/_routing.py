"""Which endpoint a path leads to, wherever an application is mounted."""

from collections.abc import Mapping
from typing import TypeVar

E = TypeVar("E")


def find_route(routes: Mapping[str, E], prefix: str, path: str) -> E | None:
    """The endpoint of a path below the prefix where the application is mounted.

    `prefix` is the `root_path` of ASGI or the `SCRIPT_NAME` of WSGI; whether `path` repeats it
    differs among servers. An application may be mounted below any prefix, and at its own `path`,
    which then is the last segment of the prefix.
    """
    prefix = prefix.rstrip("/")
    path = _below(prefix, path)
    found = routes.get(path)
    if found is None:
        found = routes.get(prefix[prefix.rfind("/") :] + path)
    return found


def find_service(services: Mapping[str, E], prefix: str, path: str) -> E | None:
    """What serves the service of a path below the prefix, whether or not it has such a method."""
    match _below(prefix.rstrip("/"), path).split("/"):
        case ["", service, _]:
            return services.get(service)
        case _:
            return None


def _below(prefix: str, path: str) -> str:
    return path[len(prefix) :] if path.startswith(prefix + "/") else path
