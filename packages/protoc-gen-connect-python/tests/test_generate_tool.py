"""The command `python tools/generate.py`, which writes and checks the generated code."""

from pathlib import Path
from types import ModuleType

import pytest


def test_check_prints_nothing_if_everything_is_up_to_date(
    tool: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main(["--check", "eliza"]) == 0
    assert capsys.readouterr().out == ""


def test_check_prints_a_diff(
    tool: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tool, "GOLDEN", tmp_path)
    assert tool.main(["toplevel"]) == 0
    (tmp_path / "toplevel/toplevel_connect.py").write_text("stale = 1\n")
    (tmp_path / "removed").mkdir()
    assert tool.main(["--check", "toplevel"]) == 1
    output = capsys.readouterr().out
    assert "--- checked-in/toplevel/toplevel_connect.py\n" in output
    assert "\n-stale = 1\n" in output
    assert output.endswith("golden/removed does not belong to a case\n")


def test_writing_removes_stale_files_and_keeps_other_files(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "EXAMPLES", tmp_path)
    (tmp_path / "proto").mkdir()
    (tmp_path / "proto/a.proto").write_text('syntax = "proto3"; service S {}')
    (tmp_path / "src").mkdir()
    for name in ("stale_connect.py", "stale_pb2.pyi", "server.py"):
        (tmp_path / "src" / name).touch()
    assert tool.main(["examples"]) == 0
    assert sorted(path.name for path in (tmp_path / "src").iterdir()) == [
        "a_connect.py",
        "a_connect_client.py",
        "a_connect_server.py",
        "a_pb2.py",
        "a_pb2.pyi",
        "server.py",
    ]


def test_output_of_protoc_is_shown_if_it_fails(
    tool: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tool, "EXAMPLES", tmp_path)
    (tmp_path / "proto").mkdir()
    (tmp_path / "proto/a.proto").write_text("service")
    assert tool.main(["--check", "examples"]) == 2
    assert "a.proto:1:" in capsys.readouterr().err


def test_unknown_name_is_an_error(tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tool.main(["elisa"])
    assert "unknown name 'elisa'" in capsys.readouterr().err


def test_help_lists_the_golden_cases(tool: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tool.main(["--help"])
    assert "comments, deprecation, editions" in " ".join(capsys.readouterr().out.split())
