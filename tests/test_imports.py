"""The modules that the import of each package loads, and those that it must not load."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "src"
ELIZA = "eliza.v1.eliza_connect"

CLIENT = {"anyio", "connectrpc_client", "h11", "h2", "httpcore", "httpx", "pyqwest", "trio"}
SERVER = {"connectrpc_server", "uvicorn"}
INPUT_AND_OUTPUT = {
    *("_socket", "_ssl", "asyncio", "http.client", "http.server", "select", "selectors"),
    *("socket", "socketserver", "ssl", "subprocess", "urllib.request"),
}

_PRINT_MODULES = """\
import importlib, sys

for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sys.modules)
"""


def imported(*names: str) -> set[str]:
    """Return the modules that a new interpreter has loaded after it imported `names`."""
    command = [sys.executable, "-W", "error", "-c", _PRINT_MODULES, *names]
    outcome = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return set(outcome.stdout.split())


def modules(package: str) -> list[str]:
    """Return the names of all modules of a package."""
    source = ROOT / "packages" / package.replace("_", "-") / "src"
    paths = [path.relative_to(source).with_suffix("") for path in source.rglob("*.py")]
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    return sorted(name for name in names if not name.endswith("__main__"))


def test_protocol_loads_neither_sockets_nor_an_event_loop() -> None:
    ours = imported(*modules("connectrpc_protocol"))
    theirs = imported(*(name for name in ours if name.startswith("google.")))
    assert not (ours - theirs) & (INPUT_AND_OUTPUT | CLIENT | SERVER)


def test_server_loads_no_client() -> None:
    assert not imported(*modules("connectrpc_server")) & (CLIENT | SERVER - {"connectrpc_server"})


def test_client_loads_no_server() -> None:
    assert not imported(*modules("connectrpc_client")) & SERVER


def test_generator_loads_no_runtime_package() -> None:
    ours = imported(*modules("protoc_gen_connect_python"))
    assert not {name for name in ours if name.startswith("connectrpc")} | ours & CLIENT


@pytest.mark.parametrize(
    ("module", "absent"), [("", CLIENT | SERVER), ("_client", SERVER), ("_server", CLIENT)]
)
def test_generated_module_loads_only_its_side(module: str, absent: set[str]) -> None:
    assert not imported(ELIZA + module) & absent
