"""Pages through Jinja templates into text."""

import traceback
from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateSyntaxError,
)

from protoc_gen_connect_python._errors import PluginError
from protoc_gen_connect_python._rendering.line_breaks import layout
from protoc_gen_connect_python._rendering.pages import ClientPage, ConnectPage, Page, ServerPage

_TEMPLATES: dict[type[Page], str] = {
    ConnectPage: "connect.py.jinja",
    ClientPage: "client.py.jinja",
    ServerPage: "server.py.jinja",
}
TEMPLATE_NAMES = ("module.py.jinja", *_TEMPLATES.values())


class Renderer:
    """Renders pages with the plugin's templates, or a user's where there are some."""

    def __init__(self, directory: str | None) -> None:
        self._environment = Environment(
            loader=ChoiceLoader(_loaders(directory)),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def render(self, page: Page) -> str:
        """The text of a module; a template's fault is a `PluginError` that says where it is."""
        name = _TEMPLATES[type(page)]
        try:
            return layout(self._environment.get_template(name).render(page=page))
        except TemplateSyntaxError as error:
            where = f"{error.filename or error.name}:{error.lineno}"
            raise PluginError(f"template: {error.message}", where) from error
        except Exception as error:
            # Whatever an expression of a template raises is the template's fault.
            raise PluginError(
                f"template: {error or type(error).__name__}", _where(error)
            ) from error


def _loaders(directory: str | None) -> list[BaseLoader]:
    packaged = PackageLoader("protoc_gen_connect_python")
    if directory is None:
        return [packaged]
    folder = Path(directory)
    if not folder.is_dir():
        raise PluginError(f"templates={directory}: no such directory, seen from {Path.cwd()}")
    if not any((folder / name).is_file() for name in TEMPLATE_NAMES):
        known = ", ".join(TEMPLATE_NAMES)
        raise PluginError(f"templates={directory}: holds none of the templates {known}")
    return [FileSystemLoader(folder), packaged]


def _where(error: Exception) -> str | None:
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    return next((place for place in reversed(places) if ".jinja:" in place), None)
