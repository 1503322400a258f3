import pytest

from protoc_gen_connect_python._imports.relative import (
    ModuleImport,
    import_of,
    module_path,
    module_stem,
)


@pytest.mark.parametrize(
    ("proto", "stem"),
    [
        ("acme/eliza/v1/eliza.proto", "acme.eliza.v1.eliza"),
        ("eliza.proto", "eliza"),
        ("my-dir/two-words.proto", "my_dir.two_words"),
        ("a/b.c.proto", "a.b.c"),
        ("old.protodevel", "old"),
        ("lambda/class.proto", "lambda.class"),
    ],
)
def test_stem_is_that_of_the_messages(proto: str, stem: str) -> None:
    assert module_stem(proto) == stem


def test_path_of_a_module() -> None:
    assert module_path("acme.v1.eliza_connect") == "acme/v1/eliza_connect.py"


@pytest.mark.parametrize(
    ("module", "importer", "package", "name"),
    [
        ("a.b.x_pb2", "a.b.x_connect", "a.b", "x_pb2"),
        ("x_pb2", "x_connect", "", "x_pb2"),
        ("lambda.x_pb2", "lambda.y", ".", "x_pb2"),
        ("lambda.x_pb2", "other.y", "lambda", "x_pb2"),
    ],
)
def test_absolute_import(module: str, importer: str, package: str, name: str) -> None:
    assert import_of(module, importer, relative=False) == ModuleImport(package, name)


@pytest.mark.parametrize(
    ("module", "importer", "package"),
    [
        ("x_pb2", "x_connect", "."),
        ("a.b.x_pb2", "a.b.x_connect", "."),
        ("a.x_pb2", "a.b.x_connect", ".."),
        ("a.c.x_pb2", "a.b.x_connect", "..c"),
        ("c.x_pb2", "a.b.x_connect", "...c"),
        ("a.b.c.x_pb2", "a.x_connect", ".b.c"),
        ("x_pb2", "a.x_connect", ".."),
    ],
)
def test_relative_import(module: str, importer: str, package: str) -> None:
    way = import_of(module, importer, relative=True)
    assert way == ModuleImport(package, "x_pb2")
    assert way.is_relative


@pytest.mark.parametrize(
    ("way", "is_statement", "dotted"),
    [
        (ModuleImport("a.b", "x_pb2"), True, "a.b.x_pb2"),
        (ModuleImport("", "x_pb2"), True, "x_pb2"),
        (ModuleImport(".", "x_pb2"), True, ".x_pb2"),
        (ModuleImport("..c", "x_pb2"), True, "..c.x_pb2"),
        (ModuleImport("..", "x_pb2"), True, "..x_pb2"),
        (ModuleImport("lambda.v1", "x_pb2"), False, "lambda.v1.x_pb2"),
        (ModuleImport("..lambda", "x_pb2"), False, "..lambda.x_pb2"),
        (ModuleImport("2fa", "x_pb2"), False, "2fa.x_pb2"),
        (ModuleImport("a", "2fa_pb2"), False, "a.2fa_pb2"),
    ],
)
def test_what_a_statement_can_say(way: ModuleImport, is_statement: bool, dotted: str) -> None:
    assert way.is_statement == is_statement
    assert way.dotted == dotted
