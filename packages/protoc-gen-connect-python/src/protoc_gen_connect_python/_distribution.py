"""The name and the version of this distribution, for `--version` and for generated files."""

from importlib.metadata import PackageNotFoundError, version

NAME = "protoc-gen-connect-python"


def _installed_version() -> str:
    try:
        return version(NAME)
    except PackageNotFoundError:  # the sources run without an installation, such as from a zip file
        return "of unknown version"


VERSION = _installed_version()
