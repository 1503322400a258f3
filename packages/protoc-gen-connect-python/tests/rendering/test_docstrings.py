"""Every generated class and method says what it is, which options it takes and how it fails."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
KINDS = "unary|client stream|server stream|bidi stream"
PROTO = {
    "s.proto": """
        syntax = "proto3";
        package acme;
        message M {}
        service S {
          // Says it.
          rpc Say(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; }
          rpc Collect(stream M) returns (M);
          rpc Introduce(M) returns (stream M);
          rpc Converse(stream M) returns (stream M) { option deprecated = true; }
        }
    """
}

Generate = Callable[..., dict[str, str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def classes(suffix: str) -> Iterator[ast.ClassDef]:
    """Return the classes of all golden files with this suffix."""
    for path in sorted(GOLDEN.rglob(f"*{suffix}.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                yield node


def functions(node: ast.ClassDef) -> list[Function]:
    each = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [function for function in each if function.name != "handlers"]


CLIENTS = [*classes("_connect_client")]
SERVERS = [*classes("_connect_server")]


def doc(node: ast.ClassDef | Function) -> str:
    return ast.get_docstring(node) or ""


def test_client_methods_say_kind_name_options_and_error() -> None:
    for method in [method for node in CLIENTS for method in functions(node)]:
        text = doc(method)
        assert re.search(rf"^Calls the ({KINDS}) RPC `[\w.]+`\.$", text, re.M), text
        options = [argument.arg for argument in method.args.kwonlyargs]
        assert re.findall(r"^- `(\w+)`: ", text, re.M)[-len(options) :] == options
        assert "`ConnectError`" in text.splitlines()[-1]


def test_server_methods_say_kind_name_context_and_error() -> None:
    for method in [method for node in SERVERS for method in functions(node)]:
        text = doc(method)
        assert re.search(rf"^Handles the ({KINDS}) RPC `[\w.]+`\.$", text, re.M), text
        assert "`ctx`" in text
        assert "`ConnectError`" in text


def test_classes_say_the_name_of_their_service() -> None:
    for node in [*CLIENTS, *SERVERS]:
        assert re.search(
            r"^(Calls|Serves|The base class of \w+ implementations of) `[\w.]+`", doc(node), re.M
        )


def test_deprecated_classes_and_methods_of_clients_say_so() -> None:
    marked = 0
    for node in [*CLIENTS, *(method for each in CLIENTS for method in functions(each))]:
        assert bool(node.decorator_list) == ("\nDeprecated." in doc(node)), ast.unparse(node)
        marked += bool(node.decorator_list)
    assert marked


@pytest.mark.parametrize("side", ["Client", "ClientSync"])
def test_the_docstrings_of_a_client(generate: Generate, side: str) -> None:
    tree = ast.parse(generate(PROTO)["s_connect_client.py"])
    (client,) = [node for node in tree.body if getattr(node, "name", "") == f"S{side}"]
    docs = {function.name: doc(function) for function in functions(client)}
    sync = "- `cancellation`: ends the call from another thread.\n" if side == "ClientSync" else ""
    options = (
        "- `headers`: sent with the call; they replace the client's headers of the same name.\n"
        "- `timeout_ms`: the timeout in milliseconds; `None` for that of the client.\n" + sync
    )
    get = "- `use_get`: send the request with HTTP GET, if the protocol is Connect.\n"
    error = "\nRaises `ConnectError` if the call fails."
    also = "and also returns headers and trailers."
    begin = "\nThe call begins with the first read.\n\n"
    say = f"Says it.\n\nCalls the unary RPC `acme.S.Say`.\n\n{options}{get}{error}"
    collect = "Calls the client stream RPC `acme.S.Collect`."
    introduce = "Calls the server stream RPC `acme.S.Introduce`."
    converse = "Calls the bidi stream RPC `acme.S.Converse`."
    one_by_one = "to send requests one by one."
    open_error = "\nThe methods of the call raise `ConnectError` if it fails."
    old = "Deprecated.\n\n"
    assert docs == {
        "say": say,
        "call_say": f"Calls `say` {also}\n\n{say}",
        "collect": f"{collect}\n\n{options}{error}",
        "call_collect": f"Calls `collect` {also}\n\n{collect}\n\n{options}{error}",
        "open_collect": (
            f"Opens a call of `collect`, {one_by_one}\n\n{collect}\n\n{options}{open_error}"
        ),
        "introduce": f"{introduce}{begin}{options}{error}",
        "call_introduce": f"Calls `introduce` {also}\n\n{introduce}\n\n{options}{error}",
        "converse": f"{converse}{begin}{old}{options}{error}",
        "call_converse": f"Calls `converse` {also}\n\n{converse}\n\n{old}{options}{error}",
        "open_converse": (
            f"Opens a call of `converse`, {one_by_one}\n\n{converse}\n\n{old}{options}{open_error}"
        ),
    }


def test_the_docstrings_of_a_service(generate: Generate) -> None:
    tree = ast.parse(generate(PROTO)["s_connect_server.py"])
    service, sync, asgi, wsgi = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    context = (
        "`ctx` has the metadata and the deadline of the call. "
        "Raise `ConnectError` to fail the call."
    )
    docs = {function.name: doc(function) for function in functions(service)}
    assert docs == {function.name: doc(function) for function in functions(sync)}
    assert docs["say"] == f"Says it.\n\nHandles the unary RPC `acme.S.Say`.\n\n{context}"
    assert docs["converse"] == (
        f"Handles the bidi stream RPC `acme.S.Converse`.\n\nDeprecated.\n\n{context}"
    )
    assert doc(asgi) == (
        "Serves `acme.S` over ASGI.\n\n`ASGIApplication.__init__` describes the options."
    )
    assert doc(wsgi) == (
        "Serves `acme.S` over WSGI.\n\n`WSGIApplication.__init__` describes the options."
    )
