"""Renders pages to text with the Jinja templates of the plugin or of the user."""

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
from protoc_gen_connect_python._rendering.line_breaks import break_lines
from protoc_gen_connect_python._rendering.page_client import ClientPage
from protoc_gen_connect_python._rendering.page_connect import ConnectPage
from protoc_gen_connect_python._rendering.page_server import ServerPage
from protoc_gen_connect_python._rendering.pages import Page

_TEMPLATES: dict[type[Page], str] = {
    ConnectPage: "connect.py.jinja",
    ClientPage: "client.py.jinja",
    ServerPage: "server.py.jinja",
}
TEMPLATE_NAMES = ("module.py.jinja", *_TEMPLATES.values())


class Renderer:
    """Renders pages. A template of the user replaces the plugin's template of the same name.

    Raises `PluginError` if the folder with the user's templates does not exist or does not contain
    any template of a known name.
    """

    def __init__(self, folder: str | None) -> None:
        self._environment = Environment(
            loader=ChoiceLoader(_loaders(folder)),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def render(self, page: Page) -> str:
        """Return the text of a module.

        Raises `PluginError` with the file and line if a template fails.
        """
        name = _TEMPLATES[type(page)]
        try:
            return break_lines(self._environment.get_template(name).render(page=page))
        except TemplateSyntaxError as error:
            where = f"{error.filename or error.name}:{error.lineno}"
            raise PluginError(f"template: {error.message}", where) from error
        except Exception as error:
            # The expressions of a template can raise any exception.
            raise PluginError(
                f"template: {error or type(error).__name__}", _position(error)
            ) from error


def _loaders(folder: str | None) -> list[BaseLoader]:
    packaged = PackageLoader("protoc_gen_connect_python")
    if folder is None:
        return [packaged]
    path = Path(folder)
    if not path.is_dir():
        raise PluginError(f"templates={folder}: folder not found; current folder: {Path.cwd()}")
    if not any((path / name).is_file() for name in TEMPLATE_NAMES):
        known = ", ".join(TEMPLATE_NAMES)
        raise PluginError(f"templates={folder}: contains none of the templates {known}")
    return [FileSystemLoader(path), packaged]


def _position(error: Exception) -> str | None:
    frames = traceback.extract_tb(error.__traceback__)
    positions = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    return next((position for position in reversed(positions) if ".jinja:" in position), None)
