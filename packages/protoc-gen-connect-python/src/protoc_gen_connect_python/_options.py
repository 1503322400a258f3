"""The plugin's options, as protoc and buf pass them: `key=value`, separated by commas."""

from dataclasses import dataclass

from protoc_gen_connect_python._errors import PluginError

_CHOICES = {
    "side": ("both", "client", "server"),
    "io": ("both", "async", "sync"),
    "imports": ("absolute", "relative"),
    "naming": ("snake", "proto"),
}
_TEMPLATES = "templates"
_KNOWN = ", ".join([*(f"{key}={'|'.join(values)}" for key, values in _CHOICES.items())])
KNOWN_OPTIONS = f"{_KNOWN}, {_TEMPLATES}=DIR"


@dataclass(frozen=True)
class Options:
    """What to generate; the defaults are those of a plain invocation."""

    side: str = "both"
    io: str = "both"
    imports: str = "absolute"
    naming: str = "snake"
    templates: str | None = None

    @property
    def client(self) -> bool:
        """Whether client classes are wanted."""
        return self.side != "server"

    @property
    def server(self) -> bool:
        """Whether server classes are wanted."""
        return self.side != "client"

    @property
    def asynchronous(self) -> bool:
        """Whether classes for async code are wanted."""
        return self.io != "sync"

    @property
    def synchronous(self) -> bool:
        """Whether classes for sync code are wanted."""
        return self.io != "async"


def parse_options(parameter: str) -> Options:
    """Reads protoc's parameter; a `PluginError` lists what is known when something is not."""
    given: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in parameter.split(","))):
        key, value = _parse_option(part)
        if key in given:
            raise PluginError(f"option {key!r} is given twice: {given[key]!r} and {value!r}")
        given[key] = value
    return Options(**given)


def _parse_option(part: str) -> tuple[str, str]:
    key, _, value = (piece.strip() for piece in part.partition("="))
    if key == _TEMPLATES:
        if not value:
            raise PluginError(f"option {_TEMPLATES!r} needs a directory: {_TEMPLATES}=DIR")
        return key, value
    if key not in _CHOICES:
        raise PluginError(f"unknown option {key!r}; known options: {KNOWN_OPTIONS}")
    if value not in _CHOICES[key]:
        known = "|".join(_CHOICES[key])
        raise PluginError(f"option {key!r} cannot be {value!r}; known values: {key}={known}")
    return key, value
