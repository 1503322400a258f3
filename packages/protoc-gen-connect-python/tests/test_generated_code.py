"""Runs the generated code; each test starts its own interpreter."""

import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest


def _python(script: str, tree: Path) -> str:
    """Return the output of a script that imports from the tree; warnings are errors in it."""
    prelude = f"import sys; sys.path.insert(0, {str(tree)!r})\n"
    outcome = subprocess.run(
        [sys.executable, "-W", "error", "-c", prelude + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def test_client_is_imported_only_when_a_client_class_is_used(tree: Path) -> None:
    output = _python(
        """
        from acme.eliza.v1.eliza_connect import ELIZA_SERVICE_SAY, ElizaService

        print(ELIZA_SERVICE_SAY.path, "connectrpc_client" in sys.modules, "httpx" in sys.modules)
        """,
        tree,
    )
    assert output == "/acme.eliza.v1.ElizaService/Say False False\n"


@pytest.mark.parametrize(
    ("missing", "wanted", "other"),
    [
        ("connectrpc_client", "ElizaServiceClient", "ElizaServiceASGIApplication"),
        ("connectrpc_server", "ElizaService", "ElizaServiceClientSync"),
    ],
)
def test_missing_distribution_is_named(tree: Path, missing: str, wanted: str, other: str) -> None:
    output = _python(
        f"""
        sys.modules[{missing!r}] = None
        from acme.eliza.v1 import eliza_connect

        eliza_connect.{other}
        try:
            eliza_connect.{wanted}
        except ImportError as error:
            print(error)
        """,
        tree,
    )
    assert missing.replace("_", "-") in output


@pytest.mark.parametrize("module", ["acme.eliza.v1.eliza_connect", "nested.one.one_connect"])
@pytest.mark.parametrize(
    "installed", [["client", "server"], ["client"], ["server"]], ids=["both", "client", "server"]
)
def test_star_imports_and_dir_have_the_names_of_the_installed_side(
    tree: Path, module: str, installed: list[str]
) -> None:
    output = _python(
        f"""
        for side in {{"client", "server"}} - {{*{installed!r}}}:
            sys.modules["connectrpc_" + side] = None
        import inspect
        import {module} as module

        names = {{}}
        exec("from {module} import *", names)
        del names["__builtins__"]
        assert sorted(names) == sorted(module.__all__), (names, module.__all__)
        assert names.keys() <= {{*dir(module)}}
        assert dict(inspect.getmembers(module)).keys() >= names.keys()
        for name in sorted(names):
            if inspect.isclass(names[name]):
                print(name)
        """,
        tree,
    )
    classes = output.split()
    assert any(name.endswith("Client") for name in classes) == ("client" in installed)
    assert any(name.endswith("Application") for name in classes) == ("server" in installed)


def test_dir_loads_neither_side(tree: Path) -> None:
    output = _python(
        """
        from acme.eliza.v1 import eliza_connect

        assert {"ElizaServiceClient", "ElizaService"} <= {*dir(eliza_connect)}
        assert {"ElizaServiceClient", "ElizaService"} <= {*eliza_connect.__all__}
        print("connectrpc_client" in sys.modules, "connectrpc_server" in sys.modules)
        """,
        tree,
    )
    assert output == "False False\n"


def test_unknown_name_raises_attribute_error(tree: Path) -> None:
    output = _python(
        """
        from acme.eliza.v1 import eliza_connect

        print(hasattr(eliza_connect, "ElizaServices"))
        """,
        tree,
    )
    assert output == "False\n"


@pytest.mark.parametrize(
    "modules",
    [
        "first.a.a_connect_server second.b.b_connect_client",
        "second.b.b_connect_server first.a.a_connect_client",
        "nested.one.one_connect_client nested.two.deep.two_connect_server",
        "nested.two.deep.two_connect_client nested.one.one_connect_server",
    ],
)
def test_folders_that_import_each_other(tree: Path, modules: str) -> None:
    script = "import importlib\nfor name in {!r}.split(): importlib.import_module(name)"
    assert _python(script.format(modules), tree) == ""


def test_folder_that_is_named_like_a_keyword(tree: Path) -> None:
    output = _python(
        """
        from importlib import import_module
        from first.a.a_connect import A_RUN

        own = import_module("lambda.v1.lambda_connect")
        print(own.LambdaServiceClient.__name__, own.LAMBDA_SERVICE_INVOKE.request is A_RUN.request)
        print(A_RUN.request.DESCRIPTOR.full_name)
        """,
        tree,
    )
    assert output == "LambdaServiceClient True\nlambda.v1.Event\n"


@pytest.mark.parametrize("imports", ["absolute", "relative"])
def test_messages_whose_names_are_not_allowed_in_python(
    tmp_path: Path, tool: ModuleType, imports: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/from.proto").write_text(
        'syntax = "proto3"; package words; message None { message class {} }'
    )
    (tmp_path / "words.proto").write_text(
        """
        syntax = "proto3";
        package words;
        import "in/from.proto";
        message __Mangled {}
        service Words {
          rpc Say(None) returns (None.class);
          rpc Mangle(stream __Mangled) returns (stream __Mangled);
        }
        """
    )
    package = tmp_path / "package"
    package.mkdir()
    options = f"--connect-python_out=imports={imports}:{package}"
    outcome = tool.protoc(tmp_path, [options, f"--python_out={package}"])
    assert outcome.stderr == ""
    output = _python(
        f"""
        sys.path.insert(0, {str(package)!r})
        from {"package." if imports == "relative" else ""}words_connect import (
            WORDS_MANGLE, WORDS_SAY, WordsClient, WordsASGIApplication,
        )
        print(WORDS_SAY.request.DESCRIPTOR.full_name, WORDS_SAY.response.DESCRIPTOR.full_name)
        print(WORDS_MANGLE.request.DESCRIPTOR.full_name)
        """,
        tmp_path,
    )
    assert output == "words.None words.None.class\nwords.__Mangled\n"


def test_deprecated_methods_and_clients_warn(tree: Path) -> None:
    output = _python(
        """
        import warnings
        from file_connect import InOldFileClientSync
        from methods_connect import MethodsClientSync, OldServiceClientSync

        with MethodsClientSync("http://localhost") as client:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                client.old_stream([])
                OldServiceClientSync("http://localhost").close()
                InOldFileClientSync("http://localhost").close()
        for warning in caught:
            print(f"{warning.category.__name__}: {warning.message}")
        """,
        tree,
    )
    assert output.splitlines() == [
        "DeprecationWarning: deprecation.Methods.OldStream is deprecated",
        "DeprecationWarning: deprecation.OldService is deprecated",
        "DeprecationWarning: deprecation.file.InOldFile is deprecated",
    ]


def test_serving_a_deprecated_service_does_not_warn(tree: Path) -> None:
    output = _python(
        """
        import inspect
        from methods_connect import OldService, OldServiceASGIApplication

        class Old(OldService): ...

        print(OldServiceASGIApplication(Old()).path, inspect.getdoc(OldService).split()[-1])
        """,
        tree,
    )
    assert output == "/deprecation.OldService Deprecated.\n"


def test_comments_become_docstrings(tree: Path) -> None:
    output = _python(
        """
        from comments_connect import Quotes, QuotesClientSync

        for method in ("both", "backslash_quote", "trailing", "bare"):
            print(getattr(QuotesClientSync, method).__doc__.splitlines()[0])
        print(Quotes.escapes.__doc__.splitlines()[0])
        """,
        tree,
    )
    assert output.splitlines() == [
        '"Quoted"',
        'Ends so: \\"',
        "Stands behind.",
        "Calls the unary RPC `comments.Quotes.Bare`.",
        r"C:\new\table and \u0041 \N{DASH} {{ braces }} {% tags %}",
    ]


def test_constructors_describe_every_option(tree: Path) -> None:
    output = _python(
        """
        import inspect, re, toplevel_connect as module

        for suffix in ("Client", "ClientSync", "ASGIApplication", "WSGIApplication"):
            kind = getattr(module, "TopLevel" + suffix)
            options = re.findall(r"^- `(\\w+)`: ", inspect.getdoc(kind.__init__), re.M)
            assert options == [*inspect.signature(kind).parameters], (kind, options)
            print(f"`{kind.__base__.__name__}.__init__`" in kind.__doc__)
        """,
        tree,
    )
    assert output == "True\n" * 4


def test_clients_call_applications(tree: Path) -> None:
    output = _python(
        Path(__file__).with_name("usage.py").read_text()
        + textwrap.dedent(
            """
            import asyncio
            import httpx
            from connectrpc_client import ConnectError

            async def main():
                http = httpx.AsyncClient(transport=httpx.ASGITransport(app=asgi))
                async with http, ElizaServiceClient("http://eliza", http_client=http) as client:
                    print((await client.say(pb.SayRequest(sentence="hi"), use_get=True)).sentence)
                    requests = [pb.SayRequest(sentence=word) for word in ("to", "be")]
                    print((await client.call_collect(requests)).message.sentence)
                    async for response in client.introduce(pb.IntroduceRequest(name="Ada")):
                        print(response.sentence)

            asyncio.run(main())
            http = httpx.Client(transport=httpx.WSGITransport(app=wsgi))
            with http, ElizaServiceClientSync("http://eliza", http_client=http) as client:
                print(client.call_say(pb.SayRequest(sentence="hi, too")).message.sentence)
                for response in client.introduce(pb.IntroduceRequest(name="Bob")):
                    print(response.sentence)
                try:
                    list(client.converse([pb.ConverseRequest()]))
                except ConnectError as error:
                    print(error)
            """
        ),
        tree,
    )
    assert output.splitlines() == [
        "hi",
        "to be",
        "Hi Ada.",
        "I am Eliza.",
        "hi, too",
        "Hi Bob.",
        "I am Eliza.",
        "unimplemented: acme.eliza.v1.ElizaService/Converse is not implemented",
    ]


def test_clients_and_applications_know_the_kinds_of_their_methods(tree: Path) -> None:
    output = _python(
        """
        import methods_connect
        from acme.eliza.v1 import eliza_connect
        from connectrpc_protocol.method_kinds import method_kinds

        for module, service in ((eliza_connect, "ElizaService"), (methods_connect, "OldService")):
            for name in ("Client", "ClientSync", "ASGIApplication", "WSGIApplication"):
                kinds = set(method_kinds(getattr(module, service + name)))
                print(name, sorted(kind.value for kind in kinds))
        """,
        tree,
    )
    every = ["bidi stream", "client stream", "server stream", "unary"]
    names = ["Client", "ClientSync", "ASGIApplication", "WSGIApplication"]
    lines = [f"{name} {kinds}" for kinds in (every, ["unary"]) for name in names]
    assert output.splitlines() == lines


def test_applications_compare_a_service_with_the_generated_class(tree: Path) -> None:
    output = _python(
        """
        import warnings
        from unittest.mock import create_autospec

        from acme.eliza.v1 import eliza_connect

        warnings.simplefilter("error")
        for suffix, interface in (("", "ASGI"), ("Sync", "WSGI")):
            generated = getattr(eliza_connect, "ElizaService" + suffix)
            application = getattr(eliza_connect, f"ElizaService{interface}Application")

            class Misspelt(generated):
                def introduces(self, request, ctx):
                    yield request

            class Incomplete:
                collect = getattr(generated, "collect")
                say = getattr(generated, "say")

            application(create_autospec(generated))
            for service in (Misspelt(), Incomplete()):
                try:
                    application(service)
                except (TypeError, UserWarning) as error:
                    print(error)
        """,
        tree,
    )
    misspelt = (
        "Misspelt.introduces is not an RPC of acme.eliza.v1.ElizaService, but its name resembles "
        "'introduce', which Misspelt does not implement: rename it to 'introduce', or to "
        "'_introduces' if it is not a handler"
    )
    incomplete = (
        "the service must be an object with a method for each RPC: Incomplete does not have the "
        "method 'introduce' of acme.eliza.v1.ElizaService; write it, or derive the class from {}, "
        "so that calls of this method fail with 'unimplemented'"
    )
    assert output.splitlines() == [
        misspelt,
        incomplete.format("ElizaService"),
        misspelt,
        incomplete.format("ElizaServiceSync"),
    ]
