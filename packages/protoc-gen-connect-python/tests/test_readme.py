"""The statements of the README are true."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from protoc_gen_connect_python._distribution import NAME, VERSION
from protoc_gen_connect_python._naming.python_names import method_names, service_names
from protoc_gen_connect_python._options import KNOWN_OPTIONS
from protoc_gen_connect_python._rendering.renderer import TEMPLATE_NAMES

Generate = Callable[..., dict[str, str]]

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
ELIZA = Path(__file__).parent / "protos/eliza/acme/eliza/v1/eliza.proto"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def _rows(heading: str) -> list[list[str]]:
    table = README.partition(f"{heading}\n|---")[2].partition("\n\n")[0]
    return [re.findall(r"`([^`]+)`", row) for row in table.splitlines()[1:]]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "proto/acme/eliza/v1"
    folder.mkdir(parents=True)
    (folder / "eliza.proto").write_text(ELIZA.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def _shell(command: str, workspace: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    outcome = subprocess.run(
        ["sh", "-ec", command],
        cwd=workspace,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    return outcome.stdout


def test_protoc_commands(workspace: Path) -> None:
    both, client, _ = _blocks("sh")
    _shell(both, workspace)
    names = {path.name for path in (workspace / "gen/acme/eliza/v1").iterdir()}
    assert names == {
        "eliza_pb2.py",
        "eliza_pb2.pyi",
        "eliza_connect.py",
        "eliza_connect_client.py",
        "eliza_connect_server.py",
    }
    _shell("rm -r gen; " + client, workspace)
    names = {path.name for path in (workspace / "gen/acme/eliza/v1").iterdir()}
    assert names == {"eliza_connect.py", "eliza_connect_client.py"}


def test_buf_configuration(workspace: Path) -> None:
    # Without the remote plugins, because tests do not use the network.
    [text] = _blocks("yaml")
    local = re.sub(r"  - remote: .*\n    out: gen\n", "", text)
    (workspace / "buf.gen.yaml").write_text(local)
    (workspace / "buf.yaml").write_text("version: v2\nmodules:\n  - path: proto\n")
    _shell("buf generate", workspace)
    names = {path.name for path in (workspace / "gen/acme/eliza/v1").iterdir()}
    assert names == {"eliza_connect.py", "eliza_connect_client.py"}


def test_command_that_prints_the_folder_of_the_templates(workspace: Path) -> None:
    folder = Path(_shell(_blocks("sh")[2], workspace).strip())
    assert {path.name for path in folder.iterdir()} == set(TEMPLATE_NAMES)


def test_table_of_templates() -> None:
    rows = _rows("| template | shows |")
    assert sorted(row[0] for row in rows) == sorted(TEMPLATE_NAMES)


def test_table_of_options() -> None:
    rows = _rows("| option | values; the first is the default | meaning |")
    known = dict(option.split("=") for option in KNOWN_OPTIONS.split(", "))
    assert [row[0] for row in rows] == list(known)
    for option, *values in rows:
        if option != "templates":
            choices = known[option].split("|")
            assert values[: len(choices)] == choices


@pytest.mark.parametrize(
    "row", [*_rows("| RPC | method |"), *_rows("| RPC | method | why |")], ids=shlex.join
)
def test_table_of_method_names(row: list[str]) -> None:
    assert method_names([row[0]], "snake") == [row[1]]


def test_tables_of_method_names_are_found() -> None:
    assert len(_rows("| RPC | method |")) == 9
    assert len(_rows("| RPC | method | why |")) == 8


def test_names_that_collide() -> None:
    assert method_names(["GetFoo", "get_foo"], "snake") == ["get_foo", "get_foo_"]
    assert method_names(["Say", "CallSay"], "snake") == ["say", "call_say_"]
    assert method_names(["CallSay", "Say"], "snake") == ["call_say", "say_"]
    assert method_names(["Feed", "OpenFeed"], "snake", {"Feed"}) == ["feed", "open_feed_"]
    assert method_names(["OpenFeed", "Feed"], "snake", {"Feed"}) == ["open_feed", "feed_"]
    foo, foo_bar = service_names([("Foo", ["BarBaz", "Name"]), ("FooBar", ["Baz"])])
    assert foo.method_constants[1] == "FOO_NAME_"
    assert foo_bar.method_constants == ("FOO_BAR_BAZ_",)
    assert service_names([("Foo", []), ("FooSync", [])])[1].async_classes.service == "FooSync_"
    [keyword] = service_names([("class", [])])
    assert keyword.async_classes.service == "class_"
    assert keyword.async_classes.client == "classClient"


def test_first_line_of_generated_files(generate: Generate) -> None:
    start = f"{NAME} {VERSION.partition('.')[0]}."
    assert f"The first line of its files contains `{start}`" in README
    for text in generate({"s.proto": 'syntax = "proto3"; service S {}'}).values():
        assert start in text.partition("\n")[0]


def test_modules_of_messages_with_the_same_name(generate: Generate) -> None:
    types = 'syntax = "proto3"; package {0}; message M {{}}'
    service = """
        syntax = "proto3";
        import "one/types.proto";
        import "common/v1/types.proto";
        service S { rpc Say(common.v1.M) returns (one.M); }
    """
    modules = generate(
        {
            "one/types.proto": types.format("one"),
            "common/v1/types.proto": types.format("common.v1"),
            "s.proto": service,
        }
    )
    text = modules["s_connect_server.py"]
    assert "from common.v1 import types_pb2\n" in text
    assert "from one import types_pb2 as one_types_pb2\n" in text
