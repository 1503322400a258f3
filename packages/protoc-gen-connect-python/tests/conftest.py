"""Fixtures that turn the text of proto files into generated modules."""

import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc
from hypothesis import settings

from protoc_gen_connect_python._plugin import respond

Protos = Mapping[str, str]
MakeRequest = Callable[[Protos, str], CodeGeneratorRequest]
Respond = Callable[..., CodeGeneratorResponse]
Generate = Callable[..., dict[str, str]]

# Without a deadline: one example may take long on a busy machine.
settings.register_profile("generator", deadline=None)
settings.load_profile("generator")


@pytest.fixture(scope="session")
def tool() -> ModuleType:
    """The module `tools/generate.py`, which knows the golden cases and runs protoc."""
    path = Path(__file__).parents[3] / "tools" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate_tool", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make_request(tmp_path: Path) -> MakeRequest:
    """Make the request that protoc would send for these proto files, given as path and text."""

    def make(protos: Protos, parameter: str = "") -> CodeGeneratorRequest:
        for name, text in protos.items():
            path = tmp_path / "protos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        output = tmp_path / "descriptors"
        arguments = [
            "protoc",
            f"-I{tmp_path / 'protos'}",
            f"-I{Path(protoc.__file__).parent}/_proto",
        ]
        options = ["--include_imports", "--include_source_info", f"--descriptor_set_out={output}"]
        assert protoc.main([*arguments, *options, *protos]) == 0
        files = FileDescriptorSet.FromString(output.read_bytes()).file
        return CodeGeneratorRequest(
            file_to_generate=list(protos), proto_file=files, parameter=parameter
        )

    return make


@pytest.fixture
def respond_to(make_request: MakeRequest) -> Respond:
    """Return the plugin's response to proto files."""

    def respond_to(protos: Protos, parameter: str = "") -> CodeGeneratorResponse:
        return respond(make_request(protos, parameter))

    return respond_to


@pytest.fixture
def generate(respond_to: Respond) -> Generate:
    """Return the modules that the plugin generates from proto files, by path."""

    def generate(protos: Protos, parameter: str = "") -> dict[str, str]:
        response = respond_to(protos, parameter)
        assert response.error == ""
        return {file.name: file.content for file in response.file}

    return generate


@pytest.fixture(scope="session")
def tree(tool: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One importable tree of all golden cases, with the modules of the messages.

    The case of relative imports is in a package of its own, `nested`. Relative imports replace the
    absolute ones that protoc writes into its modules there.
    """
    root = tmp_path_factory.mktemp("tree")
    for case in tool.CASES:
        output = root / "nested" if case == "relative" else root
        tool.generate(tool.golden_tree(case), output, messages=True)
    for path in [*root.glob("nested/**/*_pb2.py"), *root.glob("nested/**/*_pb2.pyi")]:
        dots = "." * len(path.relative_to(root / "nested").parts)
        path.write_text(re.sub(r"^from (one|two)", rf"from {dots}\1", path.read_text(), flags=re.M))
    return root
