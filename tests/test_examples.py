"""Every example runs and prints the expected output."""

from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "src"
SAY = "/connectrpc.eliza.v1.ElizaService/Say"
ORIGIN = "https://www.example.com"

TRANSCRIPT = """\
say: Since when do you feel tired?
introduce: Welcome, Ada.
introduce: I am Eliza, and I have time for you.
introduce: What would you like to talk about?
summarize: You think about yourself a lot. That is what I am here for.
converse: What would a break do for you?
converse: Do you think of your brother often?
converse: Goodbye. Our hour is over.
"""


@pytest.mark.parametrize("server", ["asgi_server.py", "wsgi_server.py"])
def test_servers_serve_all_kinds_of_calls_to_both_clients(
    serve: Any, run: Any, server: str
) -> None:
    url = serve("python", server).url()
    assert run("python", "async_client.py", url) == TRANSCRIPT
    assert run("python", "sync_client.py", url) == TRANSCRIPT


def test_flask_mounts_below_a_prefix(serve: Any, run: Any) -> None:
    url = serve("python", "flask_mount.py").url()
    assert "/api" in httpx.get(url).text
    assert run("python", "sync_client.py", f"{url}/api") == TRANSCRIPT


@pytest.mark.parametrize("mount", ["starlette_mount.py", "fastapi_mount.py"])
def test_asgi_mounts_run_the_lifespan_of_the_application(serve: Any, run: Any, mount: str) -> None:
    server = serve("python", mount)
    url = server.url()
    assert "the practice opens" in server.output
    assert "/api" in httpx.get(url).text
    assert run("python", "async_client.py", f"{url}/api") == TRANSCRIPT
    assert "the practice closes" in server.stop()


def test_browsers_may_call_from_the_allowed_origin(serve: Any) -> None:
    url = serve("python", "cors_server.py").url() + SAY
    requested = ["content-type", "connect-protocol-version", "connect-timeout-ms"]
    preflight = httpx.options(
        url,
        headers={
            "origin": ORIGIN,
            "access-control-request-method": "POST",
            "access-control-request-headers": ",".join(requested),
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in preflight.headers["access-control-allow-methods"]
    allowed = preflight.headers["access-control-allow-headers"].lower()
    assert set(requested) <= {name.strip() for name in allowed.split(",")}

    response = httpx.post(
        url,
        headers={"origin": ORIGIN, "connect-protocol-version": "1"},
        json={"sentence": "I feel tired"},
    )
    assert response.json() == {"sentence": "Since when do you feel tired?"}
    assert response.headers["access-control-allow-origin"] == ORIGIN
    exposed = response.headers["access-control-expose-headers"].lower()
    assert "eliza-mood" in {name.strip() for name in exposed.split(",")}


def test_browsers_may_not_call_from_another_origin(serve: Any) -> None:
    response = httpx.options(
        serve("python", "cors_server.py").url() + SAY,
        headers={
            "origin": "https://evil.example.com",
            "access-control-request-method": "POST",
        },
    )
    assert response.status_code == 400
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("server", ["authentication_asgi.py", "authentication_wsgi.py"])
def test_authentication_accepts_known_tokens_and_refuses_others(
    serve: Any, run: Any, server: str
) -> None:
    url = serve("python", server).url()
    assert run("python", "authentication_client.py", url) == (
        "async: Ada: Since when do you feel tired?\n"
        "async: unauthenticated: unknown token\n"
        "sync: Ada: Since when do you feel tired?\n"
        "sync: unauthenticated: unknown token\n"
    )


def test_authentication_covers_every_kind_of_call(serve: Any) -> None:
    url = serve("python", "authentication_asgi.py").url()
    response = httpx.post(
        url + "/connectrpc.eliza.v1.ElizaService/Introduce",
        headers={"content-type": "application/connect+json"},
        content=b"\0\0\0\0\x02{}",
    )
    assert b'"code":"unauthenticated"' in response.content


def test_the_demo_runs(run: Any) -> None:
    assert run("python", "tools/demo.py", cwd=ROOT).endswith("Everything went as expected.\n")


def test_every_example_is_in_its_readme() -> None:
    text = (ROOT / "examples" / "README.md").read_text()
    assert not [path.name for path in EXAMPLES.glob("*.py") if f"`src/{path.name}`" not in text]
