"""Finding the endpoint of a path, whatever prefix an application is mounted below."""

from collections.abc import Mapping
from typing import TypeVar

E = TypeVar("E")


def find_route(routes: Mapping[str, E], prefix: str, path: str) -> E | None:
    """Return the endpoint of a path below the prefix where the application is mounted.

    `prefix` is the `root_path` of ASGI or the `SCRIPT_NAME` of WSGI. Some servers repeat it in
    `path` and others do not. An application may be mounted below any prefix, or at its own `path`.
    In the second case, the last segment of the prefix belongs to the path of the method.
    """
    prefix = prefix.rstrip("/")
    path = _below(prefix, path)
    found = routes.get(path)
    if found is None:
        found = routes.get(prefix[prefix.rfind("/") :] + path)
    return found


def find_service(services: Mapping[str, E], prefix: str, path: str) -> E | None:
    """Return the application of the service that a path names, even if the method is unknown."""
    match _below(prefix.rstrip("/"), path).split("/"):
        case ["", service, _]:
            return services.get(service)
        case _:
            return None


def _below(prefix: str, path: str) -> str:
    return path[len(prefix) :] if path.startswith(prefix + "/") else path
