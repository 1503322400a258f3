import pytest

from protoc_gen_connect_python._imports.relative import ImportPath, import_path


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
    assert import_path(module, importer, relative=False) == ImportPath(package, name)


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
    path = import_path(module, importer, relative=True)
    assert path == ImportPath(package, "x_pb2")
    assert path.is_relative


@pytest.mark.parametrize(
    ("path", "fits_statement", "dotted"),
    [
        (ImportPath("a.b", "x_pb2"), True, "a.b.x_pb2"),
        (ImportPath("", "x_pb2"), True, "x_pb2"),
        (ImportPath(".", "x_pb2"), True, ".x_pb2"),
        (ImportPath("..c", "x_pb2"), True, "..c.x_pb2"),
        (ImportPath("..", "x_pb2"), True, "..x_pb2"),
        (ImportPath("lambda.v1", "x_pb2"), False, "lambda.v1.x_pb2"),
        (ImportPath("..lambda", "x_pb2"), False, "..lambda.x_pb2"),
        (ImportPath("2fa", "x_pb2"), False, "2fa.x_pb2"),
        (ImportPath("a", "2fa_pb2"), False, "a.2fa_pb2"),
    ],
)
def test_path_that_fits_a_statement(path: ImportPath, fits_statement: bool, dotted: str) -> None:
    assert path.fits_statement == fits_statement
    assert path.dotted == dotted
