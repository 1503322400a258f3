"""Every block of code in the README files and the guides is run.

The blocks of a page run in order, in an empty folder with a copy of `examples`:

- A block whose first line is a comment with a file name (`# server.py`) becomes that file.
- `sh`: the commands are run as they stand and must succeed. What begins with the name of a server
  (`uvicorn`, ...) keeps running to the end of the page, on a port of its own; later blocks say
  `localhost:8080` and mean that one.
- `pip install ...` is not run, since tests need no network: the distributions must be those of
  this workspace, with these extras, or stand in its development dependencies. After
  `pip install uv && uv run just ...` the justfile must have the recipe.
- `python` without a file name: run in one namespace for the page, with `await` allowed.
- `text`: what the block before it printed, exactly.

The README of `protoc-gen-connect-python` is run by the tests of that package.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {path.name: path for path in sorted((ROOT / "packages").iterdir())}
PAGES = [
    "README.md",
    "examples/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
    *(f"packages/connectrpc-{name}/README.md" for name in ("protocol", "client", "server")),
    "CONTRIBUTING.md",
    "SECURITY.md",
]
WITH_ELIZA = ("docs/", "examples/")

SERVERS = ("uvicorn", "gunicorn", "python examples/src/asgi_server.py")
FILE_NAME = re.compile(r"(?:#|//) (\S+\.\w+)")


class Block(NamedTuple):
    """A fenced block; `line` is that of its fence."""

    language: str
    text: str
    line: int


def blocks_of(text: str) -> Iterator[Block]:
    """The fenced blocks of a page."""
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
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)


class Page:
    """One page, run in a folder."""

    def __init__(self, page: str, folder: Path, serve: Any, run: Any, environment: Any) -> None:
        self._page = page
        self._folder = folder
        self._serve = serve
        self._run = run
        has_eliza = page.startswith(WITH_ELIZA)
        self._path = {"PYTHONPATH": str(folder / "examples/src")} if has_eliza else {}
        self._environment = environment(**self._path)
        self._interpreter: subprocess.Popen[str] | None = None
        self._address = "localhost:8080"
        self._printed = ""

    def run(self, text: str) -> None:
        """Run all blocks; an assertion fails where one is broken."""
        try:
            for block in blocks_of(text):
                self._run_block(block)
        finally:
            if self._interpreter is not None:
                self._interpreter.communicate()

    def _run_block(self, block: Block) -> None:
        steps = {"sh": self._shell, "python": self._python, "text": self._expect}
        text = block.text.replace("localhost:8080", self._address)
        if named := FILE_NAME.fullmatch(text.partition("\n")[0]):
            (self._folder / named[1]).write_text(text)
            self._printed = ""
        else:
            assert block.language in steps, f"a block that nobody runs: {block.language!r}"
            steps[block.language](block._replace(text=text))

    def _expect(self, block: Block) -> None:
        assert self._printed == block.text

    def _shell(self, block: Block) -> None:
        rest: list[str] = []
        self._printed = ""
        for line in block.text.splitlines():
            if line.startswith("pip install "):
                check_installation(line)
            elif line.startswith(SERVERS):
                command = shlex.split(line.replace("8080", "0"))
                url = self._serve(*command, cwd=self._folder, **self._path).url()
                self._address = url.removeprefix("http://")
            else:
                rest.append(line)
        if rest:
            script = "\n".join(rest)
            self._printed = self._run("sh", "-ec", script, cwd=self._folder, **self._path)
            if "curl" in script and not self._printed.endswith("\n"):
                self._printed += "\n"

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
        answer = json.loads(interpreter.stdout.readline())
        assert not answer["failure"], answer["failure"]
        self._printed = answer["printed"]


def check_installation(line: str) -> None:
    """The distributions of a `pip install`, by name; see the top of this file."""
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
    """The table `project` of a distribution."""
    project: dict[str, Any] = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    return project


@pytest.mark.parametrize("page", PAGES)
def test_blocks(
    page: str, tmp_path: Path, serve: Any, run: Any, environment: Callable[..., Any]
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    Page(page, tmp_path, serve, run, environment).run((ROOT / page).read_text())


@pytest.mark.parametrize("page", PAGES)
def test_there_is_no_code_outside_of_fences(page: str) -> None:
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
                headings = re.findall(r"^#+ (.+)$", there.read_text(), flags=re.M)
                assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


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
