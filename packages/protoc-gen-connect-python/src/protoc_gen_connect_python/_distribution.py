"""The name and the version of this distribution, for `--version` and for generated files."""

from importlib.metadata import PackageNotFoundError, version

NAME = "protoc-gen-connect-python"

try:
    VERSION = version(NAME)
except PackageNotFoundError:  # the sources run without an installation, for example from a zip file
    VERSION = "of unknown version"
