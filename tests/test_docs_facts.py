"""The tables of the guides agree with the code."""

import inspect
import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

import connectrpc_client
import connectrpc_protocol
import connectrpc_server
from connectrpc_client import testing
from connectrpc_protocol import Code, JsonCodec, RequestContext, call
from connectrpc_protocol.connect import get_request
from connectrpc_protocol.encoding.codec import DEFAULT_CODECS
from connectrpc_protocol.interceptors import types as interceptor_types

from .docs_tables import rows_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PACKAGES = ["connectrpc-protocol", "connectrpc-client", "connectrpc-server"]


def shown(value: object) -> str:
    """Return a default value as the tables show it."""
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, tuple) and value and all(isinstance(each, str) for each in value):
        return "`(" + ", ".join(f'"{each}"' for each in value) + ("," * (len(value) == 1)) + ")`"
    if value == DEFAULT_CODECS:
        return "`(" + ", ".join(each.name for each in DEFAULT_CODECS) + ")`"
    return f"`{value!r}`".replace("'", '"')


@pytest.mark.parametrize(
    ("page", "application"),
    [
        ("server.md", connectrpc_server.ASGIApplication),
        ("server.md", connectrpc_server.WSGIApplication),
        ("client.md", connectrpc_client.Client),
        ("client.md", connectrpc_client.ClientSync),
        ("testing.md", testing.ASGITransport),
        ("testing.md", testing.ASGITransportSync),
        ("testing.md", testing.WSGITransport),
        ("testing.md", testing.WSGITransportAsync),
    ],
)
def test_options(page: str, application: type) -> None:
    check_options(page, "| option | default | meaning |", application)


def test_options_of_the_json_codec() -> None:
    check_options("server.md", "| option of `JsonCodec` | default | meaning |", JsonCodec)


def check_options(page: str, header: str, owner: type) -> None:
    documented = {row[0]: row[1] for row in rows_of(DOCS / page, header)}
    options = {
        f"`{name}`": shown(parameter.default)
        for name, parameter in inspect.signature(owner).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    assert documented == options


def test_properties_of_the_context() -> None:
    documented = [row[0] for row in rows_of(DOCS / "server.md", "| property | meaning |")]
    properties = {
        f"`{name}`"
        for name, value in vars(RequestContext).items()
        if inspect.isdatadescriptor(value)
        and not name.startswith("_")
        and name not in {"has_response_metadata", "host_request"}
    }
    assert len(documented) == len(set(documented))
    assert set(documented) == properties


def test_codes() -> None:
    rows = rows_of(DOCS / "errors.md", "| code | number | HTTP status | when |")
    assert [row[:3] for row in rows] == [
        [f"`{code.name}`", str(code.grpc), str(code.http_status)] for code in Code
    ]


def test_codes_of_http_statuses() -> None:
    rows = rows_of(DOCS / "errors.md", "| HTTP status | code |")
    documented = {status: code for row in rows for status in row[0].split(", ") for code in row[1:]}
    otherwise = documented.pop("any other")
    for status in range(300, 600):
        code = Code.from_http_status(status)
        assert f"`{code.name}`" == documented.get(str(status), otherwise)


def test_parts_of_errors() -> None:
    rows = rows_of(DOCS / "errors.md", "| part | meaning |")
    parameters = list(inspect.signature(connectrpc_protocol.ConnectError).parameters)
    assert [row[0] for row in rows] == [f"`{name}`" for name in parameters]


def test_interceptors() -> None:
    rows = rows_of(DOCS / "interceptors.md", "| async | its methods | sync | its methods |")
    documented = {
        row[column].strip("`"): re.findall(r"`(\w+)`", row[column + 1])
        for row in rows
        for column in (0, 2)
    }
    public = {
        name: [each for each in vars(value) if each.startswith(("on_", "intercept_"))]
        for name, value in vars(interceptor_types).items()
        if re.fullmatch(r"[A-Z]\w+Interceptor(Sync)?", name)
    }
    assert documented == public
    assert set(public) < set(connectrpc_client.__all__) & set(connectrpc_server.__all__)


def test_longest_url_of_a_get() -> None:
    assert (
        f"longer than {get_request.MAX_URL_LENGTH:,} characters" in (DOCS / "client.md").read_text()
    )


def test_methods_of_the_seam() -> None:
    rows = rows_of(DOCS / "architecture.md", "| side | unary call | call with a stream |")
    for row in rows:
        for kind, cell in zip(("Unary", "Stream"), row[1:], strict=True):
            seam = getattr(call, f"{kind}{row[0].title()}Call")
            methods = {name for name, value in vars(seam).items() if inspect.isfunction(value)}
            documented = set(re.findall(r"`(\w+)`", cell))
            assert documented == {name for name in methods if not name.startswith("_")}


def test_distributions() -> None:
    header = "| distribution | import name | what it is for |"
    documented = {
        re.findall(r"`(.+?)`", row[0])[0]: row[1].strip("`")
        for row in rows_of(ROOT / "README.md", header)
    }
    actual = {
        path.name: next((path / "src").iterdir()).name for path in (ROOT / "packages").iterdir()
    }
    assert documented == actual


@pytest.mark.parametrize(
    "package", ["connectrpc-protocol", "connectrpc-client", "connectrpc-server"]
)
def test_extras_are_in_the_readme(package: str) -> None:
    folder = ROOT / "packages" / package
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    text = (folder / "README.md").read_text()
    assert all(f"`{extra}`" in text for extra in project["optional-dependencies"])


CONFORMANCE = runpy.run_path(str(ROOT / "conformance" / "runner" / "rows.py"))
ROWS: dict[str, Any] = {row.name: row for row in CONFORMANCE["ROWS"]}

SERVERS = {
    ("uvicorn, `--http zttp --http2`", "ASGI"): ["uvicorn-zttp"],
    ("uvicorn, httptools or h11", "ASGI"): ["uvicorn-httptools", "uvicorn-h11"],
    ("pyvoy", "ASGI"): ["pyvoy-asgi"],
    ("pyvoy", "WSGI"): ["pyvoy-wsgi"],
    ("Hypercorn", "ASGI"): ["hypercorn", "hypercorn-http3"],
    ("granian", "ASGI"): ["granian"],
    ("daphne", "ASGI"): ["daphne"],
    ("gunicorn, threads", "WSGI"): ["gunicorn-gthread"],
}
SERVERS_HEADER = "| server | interface | HTTP/1.1 | HTTP/2 | HTTP/3 |"


def features(row: Any) -> set[str]:
    """Return the features of a row of the conformance suite."""
    text = (ROOT / "conformance" / row.features).read_text()
    return set(re.findall(r"^ +(?:- )?(\w+)(?:: true)?$", text, flags=re.M))


def proven(row: Any, version: int) -> set[str]:
    """Return the abilities that a row proves for a version of HTTP, in the table's words."""
    words = {
        "Connect": "PROTOCOL_CONNECT",
        "gRPC-Web": "PROTOCOL_GRPC_WEB",
        "gRPC": "PROTOCOL_GRPC",
        "full duplex": "STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM",
    }
    has = features(row)
    facts = {word for word, feature in words.items() if feature in has}
    if version == 1:  # HTTP/1.1 does not have them
        facts -= {"gRPC", "full duplex"}
    if version == 2 and "supportsH2c" not in has:
        facts.add("over TLS")
    if row.skip:
        facts.add("with faults")
    return facts


def claimed(cell: str) -> set[str]:
    cell = cell.replace("all three", "Connect, gRPC, gRPC-Web")
    return set(re.findall(r"Connect|gRPC-Web|gRPC|full duplex|over TLS|with faults", cell))


def test_readme_and_guide_have_the_same_table_of_servers() -> None:
    rows = rows_of(DOCS / "servers.md", SERVERS_HEADER + " cases of the suite |")
    linkless = [[re.sub(r"\[(.*?)\]\(.*?\)", r"\1", cell) for cell in row] for row in rows]
    assert rows_of(ROOT / "README.md", SERVERS_HEADER) == [row[:-1] for row in linkless]


def test_readme_lists_every_server_of_the_conformance_suite() -> None:
    rows = rows_of(ROOT / "README.md", SERVERS_HEADER)
    assert [(server, interface) for server, interface, *_ in rows] == list(SERVERS)
    run = [name for name, row in ROWS.items() if row.side == "server"]
    assert sorted(name for names in SERVERS.values() for name in names) == sorted(run)


@pytest.mark.parametrize(("server", "interface"), SERVERS)
def test_documented_abilities_are_those_that_the_suite_proves(server: str, interface: str) -> None:
    rows = [ROWS[name] for name in SERVERS[server, interface]]
    documented = rows_of(DOCS / "servers.md", SERVERS_HEADER + " cases of the suite |")
    (cells,) = [row[2:] for row in documented if row[:2] == [server, interface]]
    for version, cell in zip((1, 2, 3), cells[:3], strict=True):
        speaking = [row for row in rows if f"HTTP_VERSION_{version}" in features(row)]
        assert (cell == "\N{EN DASH}") == (not speaking)
        for row in speaking:
            # The suite does not test gRPC over HTTP/3, so it does not prove anything there.
            untested = {"gRPC"} if version == 3 else set[str]()
            if row.skip:
                assert "with faults" in claimed(cell)
                assert claimed(cell) <= proven(row, version) | untested
            else:
                assert claimed(cell) - untested == proven(row, version) - untested
    numbers = dict.fromkeys(f"{row.cases.whole:,}" for row in rows)
    assert cells[3] == " + ".join(numbers)


def test_readme_of_the_conformance_suite_lists_every_row() -> None:
    rows = rows_of(
        ROOT / "conformance" / "README.md", "| row | side | program under test | cases | quick |"
    )
    assert [[name, side, whole, quick] for name, side, _, whole, quick in rows] == [
        [f"`{row.name}`", row.side, f"{row.cases.whole:,}", f"{row.cases.quick:,}"]
        for row in ROWS.values()
    ]


def test_programs_that_show_upstream_faults() -> None:
    rows = rows_of(ROOT / "conformance" / "README.md", "| program | fault that it shows |")
    programs = (ROOT / "conformance" / "upstream").glob("*.py")
    assert sorted(row[0] for row in rows) == sorted(f"`upstream/{path.name}`" for path in programs)
