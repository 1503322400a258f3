"""The name and the version of this distribution, for `--version` and for generated files."""

from importlib.metadata import version

NAME = "protoc-gen-connect-python"
VERSION = version(NAME)
