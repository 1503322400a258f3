"""The names of the generated files, and collisions between them.

From `acme/eliza/v1/eliza.proto`, the plugin generates `eliza_connect.py`,
`eliza_connect_client.py` and `eliza_connect_server.py` in the folder `acme/eliza/v1`, beside
protoc's own `eliza_pb2.py`.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Literal, get_args

from protoc_gen_connect_python._errors import PluginError
from protoc_gen_connect_python._naming.keywords import is_identifier

Suffix = Literal["_connect", "_connect_client", "_connect_server"]
SUFFIXES: tuple[Suffix, ...] = get_args(Suffix)


@cache  # every use of a message needs it
def module_stem(proto: str) -> str:
    """Return the dotted module of a proto file without a suffix.

    The rule is that of protoc's own Python output: a dash becomes an underscore, and a dot in the
    name of the file becomes a folder.
    """
    path = re.sub(r"\.(proto|protodevel)$", "", proto)
    return path.replace("-", "_").replace("/", ".")


def generated_module(proto: str, suffix: Suffix) -> str:
    """Return the dotted name of one of the modules that the plugin generates from a proto file."""
    return f"{module_stem(proto)}{suffix}"


def message_module(proto: str) -> str:
    """Return the dotted name of the module with a file's messages, which protoc generates."""
    return f"{module_stem(proto)}_pb2"


def module_path(module: str) -> str:
    """Return the path of a dotted module in the output folder."""
    return module.replace(".", "/") + ".py"


def check_importable(proto: str, where: str) -> None:
    """Raise `PluginError` if an import statement cannot contain the name of the generated module.

    The suffixes begin alike, so the shortest module stands for all of them.
    """
    name = generated_module(proto, "_connect").rpartition(".")[2]
    if not is_identifier(name):
        raise PluginError(f"Python cannot import a module called {name!r}; rename the file", where)


class OutputFiles:
    """The files that one request generates; it finds those that collide.

    A module also collides with a folder of the same name: Python would import the module and never
    look into the folder.
    """

    def __init__(self, protos: Iterable[str]) -> None:
        self._folders = sorted({module_stem(proto).rpartition(".")[0] for proto in protos})
        self._claimed: dict[str, str] = {}

    def claim(self, proto: str) -> None:
        """Claim the modules of a proto file; raise `PluginError` if they collide."""
        other = self._claimed.setdefault(module_stem(proto), proto)
        if other != proto:
            raise PluginError(f"generates the same Python modules as {other}", proto)
        for suffix in SUFFIXES:
            self._check_folders(proto, generated_module(proto, suffix))

    def _check_folders(self, proto: str, module: str) -> None:
        for folder in self._folders:
            if f"{folder}.".startswith(f"{module}."):
                path = folder.replace(".", "/")
                message = f"the generated file {module_path(module)} would hide the folder {path}/"
                raise PluginError(message, proto)
