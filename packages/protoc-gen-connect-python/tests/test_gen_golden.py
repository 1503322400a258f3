"""The corpus: what is generated from it, and that tools and interpreter accept it."""

import os
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
applications = 0
for path in sorted(pathlib.Path(".").rglob("*_connect*.py")):
    module = importlib.import_module(".".join(path.with_suffix("").parts))
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(vars(value).get("service_name") if isinstance(value, type) else None, str):
            [service] = value.__orig_bases__[0].__args__
            value(type("Implementation", (service,), {})())
            applications += 1
print(applications)
"""


def _run(*command: str, cwd: Path) -> str:
    """The output of a command that exits with 0; without one, the test fails and shows it."""
    outcome = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


@pytest.mark.parametrize("case", CASES)
def test_golden_files_are_what_is_generated(case: str, corpus: ModuleType, tmp_path: Path) -> None:
    corpus.generate(case, tmp_path)
    assert corpus.difference(case, tmp_path) == ""


def test_every_golden_folder_has_a_case() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == CASES


def test_file_without_services_has_no_output() -> None:
    assert not list(GOLDEN.rglob("*no_services*"))


def test_everything_can_be_imported_and_served(tree: Path) -> None:
    modules = [path.read_text() for path in tree.rglob("*_connect_server.py")]
    applications = sum(text.count("\n    service_name = ") for text in modules)
    assert int(_run(sys.executable, "-c", _IMPORT_ALL, cwd=tree)) == applications > 0


def test_pyright_strict_accepts_it(tree: Path) -> None:
    (tree / "pyrightconfig.json").write_text(
        '{"typeCheckingMode": "strict", "include": ["**/*_connect*.py"], "pythonVersion": "3.11"}'
    )
    _run(sys.executable, "-m", "pyright", "--pythonpath", sys.executable, cwd=tree)


def test_mypy_strict_accepts_it(tree: Path) -> None:
    # The stubs that protoc writes for messages are not strict themselves.
    stubs = [".".join(path.with_suffix("").parts) for path in _relative(tree, "*_pb2.pyi")]
    sections = "".join(f"[mypy-{stub}]\nignore_errors = True\n" for stub in stubs)
    (tree / "mypy.ini").write_text(f"[mypy]\nstrict = True\n{sections}")
    modules = map(str, _relative(tree, "*_connect*.py"))
    flags = ("--namespace-packages", "--explicit-package-bases", f"--cache-dir={os.devnull}")
    _run(sys.executable, "-m", "mypy", *flags, *modules, cwd=tree)


def _relative(tree: Path, pattern: str) -> list[Path]:
    return sorted(path.relative_to(tree) for path in tree.rglob(pattern))


@pytest.mark.parametrize("target", ["py311", "py314"])
def test_ruff_has_nothing_to_say(target: str) -> None:
    options = ("--isolated", "--no-cache", "--line-length=100", f"--target-version={target}")
    _run(sys.executable, "-m", "ruff", "check", *options, "--extend-select=I", ".", cwd=GOLDEN)
    _run(sys.executable, "-m", "ruff", "format", "--check", *options, ".", cwd=GOLDEN)


def test_check_mode_of_the_script_is_silent(corpus: ModuleType) -> None:
    assert _run(sys.executable, str(corpus.__file__), "--check", cwd=GOLDEN) == ""
