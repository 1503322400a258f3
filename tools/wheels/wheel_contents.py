"""Check the files and the metadata in a wheel."""

import re
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

from checks import check

ROOT = Path(__file__).parents[2]


def wheel_name(wheel: Path) -> str:
    """Return the name of the distribution in a wheel."""
    return wheel.name.partition("-")[0].replace("_", "-")


def check_wheel(name: str, wheel: Path) -> None:
    """Check the files and the metadata of a wheel."""
    text = (ROOT / "packages" / name / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    package = name.replace("-", "_")
    info = f"{package}-{project['version']}.dist-info"
    check(wheel.name == f"{package}-{project['version']}-py3-none-any.whl", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
        metadata = message_from_string(archive.read(f"{info}/METADATA").decode())
    source = ROOT / "packages" / name / "src" / package
    source_files = {path for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    expected = {f"{package}/{path.relative_to(source).as_posix()}" for path in source_files}
    actual = {file for file in files if not file.endswith("/")}
    check({file for file in actual if not file.startswith(f"{info}/")} == expected, sorted(actual))
    check(f"{package}/py.typed" in actual, "py.typed is missing")
    check(f"{info}/licenses/LICENSE" in actual, "the license is missing")
    check(
        not re.search(r"(^|/)(tests?/|test_|conftest)", "\n".join(actual)),
        "the wheel contains tests",
    )
    check(metadata["Version"] == project["version"], metadata["Version"])
    check(metadata["License-Expression"] == project["license"], metadata["License-Expression"])
    check(metadata["Requires-Python"] == project["requires-python"], metadata["Requires-Python"])
    check(str(metadata.get_payload()).startswith(f"# {name}\n"), "the README is missing")
    required = [str(line) for line in metadata.get_all("Requires-Dist") or ()]
    check(not [line for line in required if "==" in line.partition(";")[0]], required)
