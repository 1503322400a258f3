"""protoc and buf run the plugin."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROTO = """\
syntax = "proto3";
package acme.v1;
message M {}
service S { rpc Say(M) returns (M); }
"""
OUTPUT = ["s_connect.py", "s_connect_client.py", "s_connect_server.py"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "proto" / "acme" / "v1"
    folder.mkdir(parents=True)
    (folder / "s.proto").write_text(PROTO)
    return tmp_path


def _buf(workspace: Path, *options: str) -> subprocess.CompletedProcess[str]:
    plugin = {
        "local": [sys.executable, "-m", "protoc_gen_connect_python"],
        "out": "gen",
        "opt": list(options),
    }
    (workspace / "buf.yaml").write_text("version: v2\nmodules:\n  - path: proto\n")
    (workspace / "buf.gen.yaml").write_text(json.dumps({"version": "v2", "plugins": [plugin]}))
    buf = Path(sys.executable).with_name("buf")
    return subprocess.run(
        [buf, "generate"], cwd=workspace, capture_output=True, text=True, check=False
    )


def test_protoc(workspace: Path, tool: ModuleType) -> None:
    outcome = tool.protoc(workspace / "proto", [f"--connect-python_out={workspace}"])
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert sorted(path.name for path in (workspace / "acme/v1").iterdir()) == OUTPUT


def test_protoc_joins_options_from_both_of_its_arguments(workspace: Path, tool: ModuleType) -> None:
    arguments = [f"--connect-python_out=side=client:{workspace}", "--connect-python_opt=io=sync"]
    outcome = tool.protoc(workspace / "proto", arguments)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert sorted(path.name for path in (workspace / "acme/v1").iterdir()) == OUTPUT[:2]
    assert "async def" not in (workspace / "acme/v1/s_connect_client.py").read_text()


def test_protoc_prints_one_line_for_a_wrong_option(workspace: Path, tool: ModuleType) -> None:
    outcome = tool.protoc(workspace / "proto", [f"--connect-python_out=io=trio:{workspace}"])
    assert outcome.returncode == 1
    assert outcome.stderr == (
        "--connect-python_out: option 'io' cannot be 'trio'; known values: io=both|async|sync\n"
    )


def test_protoc_prints_file_and_line_of_an_error(workspace: Path, tool: ModuleType) -> None:
    (workspace / "proto/2fa.proto").write_text(PROTO.replace("acme.v1", "acme.v2"))
    outcome = tool.protoc(workspace / "proto", [f"--connect-python_out={workspace}"])
    assert outcome.returncode == 1
    assert outcome.stderr == (
        "--connect-python_out: 2fa.proto:4:1: "
        "Python cannot import a module called '2fa_connect'; rename the file\n"
    )


def test_buf(workspace: Path) -> None:
    outcome = _buf(workspace, "io=async", "side=server")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    names = sorted(path.name for path in (workspace / "gen/acme/v1").iterdir())
    assert names == [OUTPUT[0], OUTPUT[2]]


def test_buf_prints_one_line_for_a_wrong_option(workspace: Path) -> None:
    outcome = _buf(workspace, "async=true")
    assert outcome.returncode == 1
    assert outcome.stderr.count("\n") == 1
    assert "unknown option 'async'; known options: side=both|client|server, " in outcome.stderr


def test_templates_are_relative_to_the_current_folder(workspace: Path, tool: ModuleType) -> None:
    for folder in (workspace / "templates", workspace / "proto/templates"):
        folder.mkdir()
        (folder / "client.py.jinja").write_text("# Ours.\n")
    assert _buf(workspace, "templates=templates").stderr == ""
    arguments = [f"--connect-python_out=templates=templates:{workspace}"]
    assert tool.protoc(workspace / "proto", arguments).stderr == ""
    for output in (workspace / "gen", workspace):
        assert (output / "acme/v1/s_connect_client.py").read_text() == "# Ours.\n"


@pytest.mark.parametrize("edition", ["2023", "2024"])
def test_buf_accepts_editions(workspace: Path, edition: str) -> None:
    proto = workspace / "proto/acme/v1/s.proto"
    proto.write_text(PROTO.replace('syntax = "proto3"', f'edition = "{edition}"'))
    outcome = _buf(workspace)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert sorted(path.name for path in (workspace / "gen/acme/v1").iterdir()) == OUTPUT
