"""Run every block of code in the README files and the guides.

The blocks of a page run in order, in an empty folder with a copy of `examples`:

- A block whose first line is a comment with a file name (`# server.py`) becomes that file.
- The commands of an `sh` block run as they stand and must succeed. A command that begins with the
  name of a server (`uvicorn`, ...) runs until the end of the page, on a free port; in later blocks
  `localhost:8080` is replaced by its address.
- `pip install ...` does not run, because the tests must pass without a network. Its distributions
  must belong to this workspace, with these extras, or to its development dependencies. After
  `pip install uv && uv run just ...` the justfile must have the recipe.
- A `python` block without a file name runs in one namespace for the page, with `await` allowed.
- A `text` block is exactly the output of the block before it.
- A `mermaid` block is a drawing. It must begin with a kind that GitHub draws.

The README at the root says how to install, so its blocks run in a copy of the checkout, in an empty
environment, and there `pip install ...` runs as well. That test needs the package index.

The tests of `protoc-gen-connect-python` run the README of that package.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {path.name: path for path in sorted((ROOT / "packages").iterdir())}
INSTALLING_PAGE = "README.md"
PAGES = [
    INSTALLING_PAGE,
    "examples/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
    *(f"packages/connectrpc-{name}/README.md" for name in ("protocol", "client", "server")),
    "CONTRIBUTING.md",
    "SECURITY.md",
]
WITH_ELIZA = ("docs/", "examples/")

SERVERS = ("uvicorn", "gunicorn", "python examples/src/asgi_server.py")
FILE_NAME = re.compile(r"(?:#|//) (\S+\.\w+)")
INSTALLATION_SECONDS = 300  # downloads of an empty cache on a slow network


class Block(NamedTuple):
    """A fenced block; its fence is in line `line`."""

    language: str
    text: str
    line: int


def blocks_of(text: str) -> Iterator[Block]:
    """Iterate over the fenced blocks of a page."""
    fence, body, start = None, [""], 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```") and fence is None:
            fence, body, start = line[3:], [], number
        elif line == "```" and fence is not None:
            yield Block(fence, "\n".join(body) + "\n", start)
            fence = None
        else:
            body.append(line)
    assert fence is None, f"the block in line {start} does not end"


def prose_of(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)


class Page:
    """One page, run in a folder."""

    def __init__(self, page: str, folder: Path, serve: Any, run: Any, environment: Any) -> None:
        self._page = page
        self._folder = folder
        self._serve = serve
        self._run = run
        self._variables = self._variables_of_programs()
        self._environment = environment(**self._variables)
        self._interpreter: subprocess.Popen[str] | None = None
        self._address = "localhost:8080"
        self._printed = ""

    def _variables_of_programs(self) -> dict[str, str]:
        has_eliza = self._page.startswith(WITH_ELIZA)
        return {"PYTHONPATH": str(self._folder / "examples/src")} if has_eliza else {}

    def run(self, text: str) -> None:
        """Run all blocks. Raises `AssertionError` if one is broken."""
        try:
            for block in blocks_of(text):
                self._run_block(block)
        finally:
            if self._interpreter is not None:
                self._interpreter.communicate()

    def _run_block(self, block: Block) -> None:
        steps = {
            "sh": self._shell,
            "python": self._python,
            "text": self._expect,
            "mermaid": self._drawing,
        }
        text = block.text.replace("localhost:8080", self._address)
        if named := FILE_NAME.fullmatch(text.partition("\n")[0]):
            (self._folder / named[1]).write_text(text)
            self._printed = ""
        else:
            assert block.language in steps, f"a block of an unknown language: {block.language!r}"
            steps[block.language](block._replace(text=text))

    def _expect(self, block: Block) -> None:
        assert self._printed == block.text

    def _drawing(self, block: Block) -> None:
        assert block.text.startswith(("flowchart LR\n", "sequenceDiagram\n"))

    def _shell(self, block: Block) -> None:
        rest: list[str] = []
        self._printed = ""
        for line in block.text.splitlines():
            if line.startswith("pip install "):
                self._install(line)
            elif line.startswith(SERVERS):
                command = shlex.split(line.replace("8080", "0"))
                url = self._serve(*command, cwd=self._folder, **self._variables).url()
                self._address = url.removeprefix("http://")
            else:
                rest.append(line)
        if rest:
            script = "\n".join(rest)
            self._printed = self._run("sh", "-ec", script, cwd=self._folder, **self._variables)
            if "curl" in script and not self._printed.endswith("\n"):
                self._printed += "\n"

    def _install(self, line: str) -> None:
        check_installation(line)

    def _python(self, block: Block) -> None:
        interpreter = self._interpreter
        if interpreter is None:
            interpreter = self._interpreter = subprocess.Popen(
                [sys.executable, str(ROOT / "tests/docs_interpreter.py")],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert interpreter.stdin is not None
        assert interpreter.stdout is not None
        request = {"page": self._page, "line": block.line, "text": block.text}
        interpreter.stdin.write(json.dumps(request) + "\n")
        interpreter.stdin.flush()
        result = json.loads(interpreter.stdout.readline())
        assert not result["failure"], result["failure"]
        self._printed = result["printed"]


class InstallingPage(Page):
    """A page that runs its `pip install` commands, in an empty environment.

    The folder of the page is a copy of the checkout: of its files that git knows.
    """

    def _variables_of_programs(self) -> dict[str, str]:
        copy_checkout(self._folder)
        environment = self._folder / ".venv"
        venv.create(environment, symlinks=os.name != "nt", with_pip=True)  # as `python -m venv`
        commands = environment / ("Scripts" if os.name == "nt" else "bin")
        # The commands of the environment that runs the tests would hide what the page forgets.
        others = os.environ.get("PATH", "").split(os.pathsep)
        hidden = str(Path(sys.executable).parent)
        return {
            "PATH": os.pathsep.join([str(commands), *(each for each in others if each != hidden)])
        }

    def _install(self, line: str) -> None:
        if " && " in line:  # the demonstration and the tests, which other tests run
            check_installation(line)
            return
        constraints = self._folder / ".constraints.txt"
        constraints.write_text("\n".join(versions_under_test()))
        done = subprocess.run(
            ["sh", "-ec", line],
            cwd=self._folder,
            # pip itself may warn.
            env={**self._environment, "PYTHONWARNINGS": "", "PIP_CONSTRAINT": str(constraints)},
            capture_output=True,
            text=True,
            timeout=INSTALLATION_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{line}:\n{done.stdout}{done.stderr}"


def copy_checkout(folder: Path) -> None:
    """Copy the files of the checkout that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():  # not deleted since the last commit
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def versions_under_test() -> list[str]:
    """Return constraints for pip: the versions that the other tests run with, except ours."""
    others = [each for each in distributions() if each.name not in PACKAGES]
    return sorted(f"{each.name}=={each.version}" for each in others)


def check_installation(line: str) -> None:
    """Check the names of the distributions in a `pip install`; see the top of this file."""
    command, *following = line.split(" && ")
    known = {project["name"]: project for project in map(project_of, PACKAGES.values())}
    development = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    others = {re.split(r"[\[<>=;]", requirement)[0] for requirement in development} | {"uv"}
    for requirement in shlex.split(command)[2:]:
        name, _, extras = requirement.rstrip("]").partition("[")
        assert name in known or name in others, f"unknown distribution: {requirement}"
        for extra in filter(None, extras.split(",")):
            assert extra in known[name].get("optional-dependencies", {})
    for each in following:
        recipe = each.removeprefix("uv run just ")
        assert re.search(rf"^{recipe}\b.*:", (ROOT / "justfile").read_text(), flags=re.M), each


def project_of(package: Path) -> dict[str, Any]:
    """Read the table `project` of a distribution."""
    project: dict[str, Any] = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    return project


@pytest.mark.parametrize("page", [page for page in PAGES if page != INSTALLING_PAGE])
def test_blocks(
    page: str, tmp_path: Path, serve: Any, run: Any, environment: Callable[..., Any]
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    Page(page, tmp_path, serve, run, environment).run((ROOT / page).read_text())


def test_the_readme_installs_and_runs_from_a_checkout(
    tmp_path: Path, serve: Any, run: Any, environment: Callable[..., Any]
) -> None:
    page = InstallingPage(INSTALLING_PAGE, tmp_path, serve, run, environment)
    page.run((ROOT / INSTALLING_PAGE).read_text())


@pytest.mark.parametrize("page", PAGES)
def test_code_is_in_fences_only(page: str) -> None:
    lines = prose_of(ROOT / page).splitlines()
    assert not [line for line in lines if line.startswith(("    ", "\t"))]


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_project(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", prose_of(ROOT / page)):
        path, _, anchor = target.partition("#")
        if not path.startswith("https://"):
            there = (ROOT / page).parent / path if path else ROOT / page
            assert there.exists(), target
            if anchor:
                assert anchor in anchors_of(there.read_text())


def anchors_of(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "broken",
    [
        "```sh\nfalse\n```",
        "```sh\npip install connectrpc-sever\n```",
        "```sh\npip install uv && uv run just dmeo\n```",
        "```python\nimport connectrpc_sever\n```",
        "```python\nprint(1)\n```\n\n```text\n2\n```",
        "```sh\necho 1\n```\n\n```text\n2\n```",
        "```ruby\nputs 1\n```",
        "```sh\nuvicorn no_such_module:app --port 8080\n```",
    ],
)
def test_a_broken_block_fails(
    broken: str, tmp_path: Path, serve: Any, run: Any, environment: Callable[..., Any]
) -> None:
    page = Page("broken", tmp_path, serve, run, environment)
    with pytest.raises(AssertionError):
        page.run(broken)
