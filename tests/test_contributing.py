"""CONTRIBUTING.md names the commands that exist, and all of them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()


@pytest.fixture
def recipes(run: Callable[..., str]) -> set[str]:
    """Return the names of the public recipes of the justfile."""
    return set(run("just", "--summary", cwd=ROOT).split())


def test_every_named_command_exists(recipes: set[str]) -> None:
    named = re.findall(r"\bjust ([a-z]+)\b", TEXT)
    assert named
    assert set(named) <= recipes


def test_the_table_has_every_command(recipes: set[str]) -> None:
    assert set(re.findall(r"^\| `just ([a-z]+)", TEXT, flags=re.M)) == recipes


def test_named_files_exist() -> None:
    named = re.findall(r"`((?:packages|tests|conformance|docs|\.ci|\.github)/[\w./*-]*)`", TEXT)
    assert named
    assert not [each for each in named if not list(ROOT.glob(each))]
