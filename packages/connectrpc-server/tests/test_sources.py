"""Rules for the sources: which module may hold server names, numbers and asyncio."""

import ast
import re
from inspect import signature
from pathlib import Path

import pytest

import connectrpc_server
from connectrpc_server import ASGIApplication, WSGIApplication

ROOT = Path(connectrpc_server.__file__).parent
SOURCES = {path.relative_to(ROOT).as_posix(): path for path in ROOT.rglob("*.py")}

SERVER_NAMES = re.compile(
    r"uvicorn|hypercorn|pyvoy|granian|daphne|gunicorn|waitress|werkzeug|zttp|envoy|httptools|\bh11\b"
    r"|nginx|uwsgi|mod_wsgi|cheroot|meinheld|bjoern",
    re.IGNORECASE,
)
USING_ASYNCIO = {
    f"_asgi/{name}.py" for name in ("cancel_scope", "read_ahead", "stepping", "lifespan")
}

each_source = pytest.mark.parametrize("name", sorted(SOURCES))


@each_source
def test_only_server_quirks_names_servers(name):
    found = SERVER_NAMES.findall(SOURCES[name].read_text())
    assert bool(found) == (Path(name).name == "server_quirks.py"), found


def is_number(node):
    match node:
        case ast.Constant(value=int() | float()):
            return True
        case ast.BinOp(left=left, right=right):
            return is_number(left) and is_number(right)
        case ast.UnaryOp(operand=operand):
            return is_number(operand)
        case _:
            return False


@each_source
def test_only_limits_defines_numbers(name):
    names = [
        ast.unparse(target)
        for node in ast.parse(SOURCES[name].read_text()).body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and is_number(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    assert bool(names) == (name == "_limits.py"), names


@each_source
def test_only_these_modules_import_asyncio(name):
    imported = {
        module.partition(".")[0]
        for node in ast.walk(ast.parse(SOURCES[name].read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
        )
    }
    assert ("asyncio" in imported) == (name in USING_ASYNCIO)


def test_both_interfaces_have_the_same_modules():
    asgi, wsgi = ({path.name for path in (ROOT / each).glob("*.py")} for each in ("_asgi", "_wsgi"))
    assert asgi - wsgi == {name.removeprefix("_asgi/") for name in USING_ASYNCIO}
    assert wsgi <= asgi


def test_options_are_declared_once():
    assert signature(ASGIApplication) == signature(WSGIApplication)
    documented = re.findall(r"^ *- `(\w+)`:", ASGIApplication.__init__.__doc__, flags=re.MULTILINE)
    assert documented == [*signature(ASGIApplication).parameters]
