"""The golden files are up to date; type checkers, linters and the interpreter accept them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.name for path in (Path(__file__).parent / "protos").iterdir())

_IMPORT_ALL = """\
import importlib, pathlib, sys, warnings

warnings.simplefilter("error")
sys.path.insert(0, ".")
applications = set()
for path in sorted(pathlib.Path(".").rglob("*_connect*.py")):
    module = importlib.import_module(".".join(path.with_suffix("").parts))
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(vars(value).get("service_name") if isinstance(value, type) else None, str):
            [service] = value.__orig_bases__[0].__args__
            value(type("Implementation", (service,), {})())
            applications.add(value)
print(len(applications))
"""


def _run(*command: str, cwd: Path) -> str:
    """Return the output of a command; if it fails, the test fails and shows its output."""
    outcome = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


@pytest.mark.parametrize("case", CASES)
def test_golden_files_are_up_to_date(case: str, tool: ModuleType) -> None:
    assert tool.difference(tool.golden_tree(case)) == ""


def test_every_golden_folder_belongs_to_a_case() -> None:
    assert sorted(path.name for path in GOLDEN.glob("[!.]*")) == CASES


def test_file_without_services_has_no_output() -> None:
    assert not list(GOLDEN.rglob("*no_services*"))


def test_all_modules_can_be_imported_and_all_services_served(tree: Path) -> None:
    modules = [path.read_text() for path in tree.rglob("*_connect_server.py")]
    applications = sum(text.count("\n    service_name = ") for text in modules)
    assert int(_run(sys.executable, "-c", _IMPORT_ALL, cwd=tree)) == applications > 0


@pytest.fixture(scope="session")
def tree_with_usage(tree: Path) -> Path:
    """The tree of all golden cases, with a user's code."""
    shutil.copy(Path(__file__).with_name("usage.py"), tree)
    return tree


def test_pyright_strict_accepts_it(tree_with_usage: Path) -> None:
    (tree_with_usage / "pyrightconfig.json").write_text(
        '{"typeCheckingMode": "strict", "pythonVersion": "3.11",'
        ' "include": ["**/*_connect*.py", "usage.py"]}'
    )
    _run(sys.executable, "-m", "pyright", "--pythonpath", sys.executable, cwd=tree_with_usage)


def test_mypy_strict_accepts_it(tree_with_usage: Path) -> None:
    # The stubs that protoc generates for messages do not pass the strict mode.
    stubs = [
        ".".join(path.with_suffix("").parts) for path in _relative(tree_with_usage, "*_pb2.pyi")
    ]
    sections = "".join(f"[mypy-{stub}]\nignore_errors = True\n" for stub in stubs)
    (tree_with_usage / "mypy.ini").write_text(f"[mypy]\nstrict = True\n{sections}")
    modules = map(str, _relative(tree_with_usage, "*_connect*.py"))
    flags = ("--namespace-packages", "--explicit-package-bases", f"--cache-dir={os.devnull}")
    _run(sys.executable, "-m", "mypy", *flags, *modules, "usage.py", cwd=tree_with_usage)


def _relative(tree: Path, pattern: str) -> list[Path]:
    return sorted(path.relative_to(tree) for path in tree.rglob(pattern))


@pytest.mark.parametrize("target", ["py311", "py314"])
def test_ruff_accepts_it(target: str) -> None:
    options = ("--isolated", "--no-cache", "--line-length=100", f"--target-version={target}")
    _run(sys.executable, "-m", "ruff", "check", *options, "--extend-select=I", ".", cwd=GOLDEN)
    _run(sys.executable, "-m", "ruff", "format", "--check", *options, ".", cwd=GOLDEN)
