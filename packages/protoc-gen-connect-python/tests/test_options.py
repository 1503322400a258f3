import pytest

from protoc_gen_connect_python._errors import PluginError
from protoc_gen_connect_python._options import Options, parse_options

KNOWN = (
    "side=both|client|server, io=both|async|sync, imports=absolute|relative, "
    "naming=snake|proto, templates=DIR"
)


def test_defaults() -> None:
    assert parse_options("") == Options("both", "both", "absolute", "snake", None)


def test_all_options() -> None:
    parameter = "side=client,io=sync,imports=relative,naming=proto,templates=my/dir"
    assert parse_options(parameter) == Options("client", "sync", "relative", "proto", "my/dir")


def test_white_space_and_empty_parts_are_ignored() -> None:
    assert parse_options(" side = client ,, io=async,") == Options(side="client", io="async")


@pytest.mark.parametrize(
    ("side", "client", "server"),
    [("both", True, True), ("client", True, False), ("server", False, True)],
)
def test_side(side: str, client: bool, server: bool) -> None:
    options = parse_options(f"side={side}")
    assert (options.client, options.server) == (client, server)


@pytest.mark.parametrize(
    ("io", "async_code", "sync_code"),
    [("both", True, True), ("async", True, False), ("sync", False, True)],
)
def test_io(io: str, async_code: bool, sync_code: bool) -> None:
    options = parse_options(f"io={io}")
    assert (options.async_code, options.sync_code) == (async_code, sync_code)


@pytest.mark.parametrize(("imports", "relative"), [("absolute", False), ("relative", True)])
def test_imports(imports: str, relative: bool) -> None:
    assert parse_options(f"imports={imports}").relative_imports == relative


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        (
            "sides=client",
            f"unknown option 'sides'; known options: {KNOWN}",
        ),
        (
            "side=clients",
            "option 'side' cannot be 'clients'; known values: side=both|client|server",
        ),
        ("io", "option 'io' cannot be ''; known values: io=both|async|sync"),
        ("templates=", "option 'templates' needs a folder: templates=DIR"),
        ("io=sync,io=async", "option 'io' is given twice: 'sync' and 'async'"),
    ],
)
def test_error_is_one_line(parameter: str, message: str) -> None:
    with pytest.raises(PluginError) as raised:
        parse_options(parameter)
    assert str(raised.value) == message
