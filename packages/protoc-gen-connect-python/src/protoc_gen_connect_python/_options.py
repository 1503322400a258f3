"""The options of the plugin, as protoc and buf pass them: `key=value`, separated by commas."""

from dataclasses import dataclass

from protoc_gen_connect_python._errors import PluginError

# The values of each option; the default comes first.
_CHOICES = {
    "side": ("both", "client", "server"),
    "io": ("both", "async", "sync"),
    "imports": ("absolute", "relative"),
    "naming": ("snake", "proto"),
}
_TEMPLATES = "templates"
_KNOWN_CHOICES = [f"{key}={'|'.join(values)}" for key, values in _CHOICES.items()]
KNOWN_OPTIONS = ", ".join([*_KNOWN_CHOICES, f"{_TEMPLATES}=DIR"])
"""All options and their values, for help texts and error texts."""


@dataclass(frozen=True)
class Options:
    """The values of all options."""

    side: str = "both"
    io: str = "both"
    imports: str = "absolute"
    naming: str = "snake"
    templates: str | None = None

    @property
    def client(self) -> bool:
        """Whether to generate client classes."""
        return self.side != "server"

    @property
    def server(self) -> bool:
        """Whether to generate server classes."""
        return self.side != "client"

    @property
    def async_code(self) -> bool:
        """Whether to generate classes for async code."""
        return self.io != "sync"

    @property
    def sync_code(self) -> bool:
        """Whether to generate classes for sync code."""
        return self.io != "async"

    @property
    def relative_imports(self) -> bool:
        """Whether generated modules import each other relatively."""
        return self.imports == "relative"


def parse_options(parameter: str) -> Options:
    """Parse the parameter of a request.

    Raises `PluginError` if an option or its value is unknown, or if an option is given twice.
    """
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
            raise PluginError(f"option {_TEMPLATES!r} needs a folder: {_TEMPLATES}=DIR")
        return key, value
    if key not in _CHOICES:
        raise PluginError(f"unknown option {key!r}; known options: {KNOWN_OPTIONS}")
    if value not in _CHOICES[key]:
        known = "|".join(_CHOICES[key])
        raise PluginError(f"option {key!r} cannot be {value!r}; known values: {key}={known}")
    return key, value
