"""Compares the generated code that is checked in with what is generated today.

    python tools/check_generated.py            # exits with 1 and shows how they differ
    python tools/check_generated.py --write    # writes it

The golden files of the generator have a program of their own, beside its tests.
"""

import difflib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Where the proto files lie, and where what is generated from them goes.
TREES = {"examples/proto": "examples/src"}


def generate(protos: Path, output: Path) -> None:
    """Generates the modules of messages and services of all proto files below a folder."""
    plugin = Path(sys.executable).with_name("protoc-gen-connect-python")
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", f"-I{protos}"),
            f"--plugin=protoc-gen-connect-python={plugin}",
            *(f"--{kind}_out={output}" for kind in ("python", "pyi", "connect-python")),
            *sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto")),
        ],
        check=True,
    )


def difference(protos: Path, checked_in: Path) -> str:
    """How the code that is checked in differs from what is generated; empty if it does not."""
    with tempfile.TemporaryDirectory() as directory:
        generate(protos, Path(directory))
        fresh = _read(Path(directory))
    old = {name: text for name, text in _read(checked_in).items() if _is_generated(name)}
    return "".join(
        line
        for name in sorted(old | fresh)
        for line in difflib.unified_diff(
            old.get(name, "").splitlines(keepends=True),
            fresh.get(name, "").splitlines(keepends=True),
            f"checked in/{name}",
            f"generated/{name}",
        )
    )


def _read(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in root.rglob("*.py*")
        if path.suffix in {".py", ".pyi"}
    }


def _is_generated(name: str) -> bool:
    stem = name.rpartition("/")[2].partition(".")[0]
    return stem.endswith(("_pb2", "_connect", "_connect_client", "_connect_server"))


def main(arguments: Sequence[str]) -> int:
    """The command line. Returns the exit status."""
    trees = [(ROOT / protos, ROOT / output) for protos, output in TREES.items()]
    if "--write" in arguments:
        for protos, output in trees:
            generate(protos, output)
        return 0
    text = "".join(difference(protos, output) for protos, output in trees)
    sys.stdout.write(text)
    return int(bool(text))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
