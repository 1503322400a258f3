"""Generates the code that is checked in: that of the examples, and the golden files.

A golden case is a folder of `tests/protos` in the package of the generator. The code that is
generated from it belongs in the folder of the same name in `tests/golden`.
"""

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PROTOS = ROOT / "packages" / "protoc-gen-connect-python" / "tests" / "protos"
GOLDEN = PROTOS.with_name("golden")
CASES = sorted(path.name for path in PROTOS.iterdir())

# The plugin's options for the cases that do not use the defaults.
OPTIONS = {
    "client_async": "side=client,io=async",
    "server_sync": "side=server,io=sync",
    "relative": "imports=relative",
    "proto_names": "naming=proto",
}
_SUFFIXES = ("_pb2", "_connect", "_connect_client", "_connect_server")
_PLUGIN = "protoc-gen-connect-python"
_EPILOG = """\
examples:
  python tools/generate.py                  generate everything
  python tools/generate.py --check          compare everything
  python tools/generate.py eliza comments   generate these two golden cases
"""


class GenerateError(Exception):
    """protoc failed or printed a warning; the text is its output."""


@dataclass(frozen=True)
class Tree:
    """A folder with proto files, and the folder with the code that is generated from them.

    `messages` is true if protoc's own modules are also checked in.
    """

    name: str
    protos: Path
    output: Path
    options: str = ""
    messages: bool = False


def trees(names: Iterable[str] = ()) -> list[Tree]:
    """Return the trees with these names, or all trees."""
    examples = Tree("examples", EXAMPLES / "proto", EXAMPLES / "src", messages=True)
    every = [examples, *map(golden_tree, CASES)]
    wanted = set(names)
    return [tree for tree in every if not wanted or tree.name in wanted]


def golden_tree(case: str) -> Tree:
    """Return the tree of a golden case."""
    return Tree(case, PROTOS / case, GOLDEN / case, OPTIONS.get(case, ""))


def protoc(protos: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run protoc with the installed plugin on all proto files in a folder."""
    plugin = Path(sysconfig.get_path("scripts"), _PLUGIN)
    return subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "-I."),
            f"--plugin={_PLUGIN}={plugin}",
            *arguments,
            *sorted(path.relative_to(protos).as_posix() for path in protos.rglob("*.proto")),
        ],
        cwd=protos,
        env={**os.environ, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def generate(tree: Tree, output: Path, *, messages: bool) -> None:
    """Generate the code of a tree in a folder, with or without protoc's modules of messages.

    Raises `GenerateError` if protoc fails or prints a warning.
    """
    output.mkdir(parents=True, exist_ok=True)
    arguments = [f"--connect-python_out={tree.options}:{output}"]
    if messages:
        arguments += [f"--python_out={output}", f"--pyi_out={output}"]
    outcome = protoc(tree.protos, arguments)
    if outcome.returncode or outcome.stderr:
        raise GenerateError(f"{tree.name}: {outcome.stderr}")


def write(tree: Tree) -> None:
    """Replace the generated code of a tree; other files in its folder stay."""
    with tempfile.TemporaryDirectory() as directory:
        generate(tree, Path(directory), messages=tree.messages)
        for path in _generated_files(tree.output):
            path.unlink()
        shutil.copytree(directory, tree.output, dirs_exist_ok=True)


def difference(tree: Tree) -> str:
    """Return a unified diff from the checked-in code to newly generated code; empty if equal."""
    with tempfile.TemporaryDirectory() as directory:
        generate(tree, Path(directory), messages=tree.messages)
        generated = _read(Path(directory))
    checked_in = _read(tree.output)
    return "".join(
        line
        for name in sorted(checked_in | generated)
        for line in difflib.unified_diff(
            checked_in.get(name, "").splitlines(keepends=True),
            generated.get(name, "").splitlines(keepends=True),
            f"checked-in/{tree.name}/{name}",
            f"generated/{tree.name}/{name}",
        )
    )


def _read(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in _generated_files(root)
    }


def _generated_files(root: Path) -> list[Path]:
    """Return the files below a folder that have the names of generated files."""
    files = [*root.rglob("*.py"), *root.rglob("*.pyi")]
    return [path for path in files if path.stem.endswith(_SUFFIXES)]


def _check(names: Sequence[str]) -> int:
    text = "".join(map(difference, trees(names)))
    without_case = sorted({path.name for path in GOLDEN.glob("[!.]*")} - set(CASES))
    text += "".join(f"golden/{name} does not belong to a case\n" for name in without_case)
    sys.stdout.write(text)
    return int(bool(text))


def _write(names: Sequence[str]) -> int:
    for tree in trees(names):
        write(tree)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python tools/generate.py",
        description="Generate the code that is checked in: that of the examples, and the golden "
        "files that the generator's tests compare with.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; if files are out of date, print a unified diff and exit with 1",
    )
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help=f"limit this to 'examples' or to golden cases: {', '.join(CASES)}",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    names: list[str] = options.names
    if unknown := sorted(set(names) - {"examples", *CASES}):
        parser.error(f"unknown name {unknown[0]!r}; see --help")
    try:
        return _check(names) if options.check else _write(names)
    except GenerateError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
