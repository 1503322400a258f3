"""Regenerates the golden files from the corpus of proto files.

    python packages/protoc-gen-connect-python/tests/regenerate.py            # writes tests/golden
    python packages/protoc-gen-connect-python/tests/regenerate.py --check    # only compares

Names of cases behind it limit it to these.
"""

import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

TESTS = Path(__file__).parent
PROTOS = TESTS / "protos"
GOLDEN = TESTS / "golden"

# The options of the cases that need some.
OPTIONS = {
    "client_async": "side=client,io=async",
    "server_sync": "side=server,io=sync",
    "relative": "imports=relative",
    "proto_names": "naming=proto",
}
CASES = sorted(path.name for path in PROTOS.iterdir())

_PLUGIN = """\
#!/bin/sh
exec "{python}" -m protoc_gen_connect_python
"""


def protoc(protos: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Runs protoc over all proto files of a folder, with the plugin of this interpreter."""
    with tempfile.TemporaryDirectory() as directory:
        plugin = Path(directory, "protoc-gen-connect-python")
        plugin.write_text(_PLUGIN.format(python=sys.executable))
        plugin.chmod(0o755)
        return subprocess.run(
            [
                *(sys.executable, "-m", "grpc_tools.protoc", "-I."),
                f"-I{files('grpc_tools') / '_proto'}",
                f"--plugin={plugin}",
                *arguments,
                *sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto")),
            ],
            cwd=protos,
            env={**os.environ, "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=False,
        )


def generate(case: str, output: Path, *extra: str) -> None:
    """Generates the modules of a case; `extra` are arguments of protoc, such as `--pyi_out`."""
    output.mkdir(parents=True, exist_ok=True)
    options = OPTIONS.get(case, "")
    outcome = protoc(PROTOS / case, [f"--connect-python_out={options}:{output}", *extra])
    if outcome.returncode or outcome.stderr:
        raise RuntimeError(f"{case}: {outcome.stderr}")


def read_tree(root: Path) -> dict[str, str]:
    """The text of every Python file below a folder."""
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*.py"))}


def difference(case: str, output: Path) -> str:
    """What a person must know when the golden files of a case are out of date; else nothing."""
    golden, fresh = read_tree(GOLDEN / case), read_tree(output)
    return "".join(
        line
        for name in sorted(golden | fresh)
        for line in difflib.unified_diff(
            golden.get(name, "").splitlines(keepends=True),
            fresh.get(name, "").splitlines(keepends=True),
            f"golden/{case}/{name}",
            f"generated/{case}/{name}",
        )
    )


def check(cases: Sequence[str]) -> int:
    """Compares; the exit status says whether the golden files are what is generated today."""
    changed = False
    with tempfile.TemporaryDirectory() as directory:
        for case in cases:
            generate(case, Path(directory, case))
            text = difference(case, Path(directory, case))
            sys.stdout.write(text)
            changed = changed or bool(text)
    stale = sorted({path.name for path in GOLDEN.glob("[!.]*")} - set(CASES))
    sys.stdout.writelines(f"golden/{name} has no case\n" for name in stale)
    return int(changed or bool(stale))


def write(cases: Sequence[str]) -> int:
    """Replaces the golden files."""
    for case in cases:
        shutil.rmtree(GOLDEN / case, ignore_errors=True)
        generate(case, GOLDEN / case)
    return 0


def main(arguments: Sequence[str]) -> int:
    """The command line; returns the exit status."""
    cases = [argument for argument in arguments if argument != "--check"] or CASES
    return check(cases) if "--check" in arguments else write(cases)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
