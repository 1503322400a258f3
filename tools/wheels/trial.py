"""Build the wheels and test each as its users install it: `just wheels`.

Each distribution is installed into a new environment with its declared dependencies alone, in the
versions of the lock file. The installed plugin generates code; one environment serves it and
another calls it. The program prints a line for each step. The exit status is 1 if a step fails.
"""

import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from checks import TrialError, check, check_lines, step
from environments import UV, Environment, run
from programs import ASGI_SERVER, HTTPX_CALLS, REPLY, WSGI_CALLS, WSGI_SERVER
from wheel_contents import check_wheel, wheel_name

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
PROTO = "eliza/v1/eliza.proto"
GENERATED = "eliza.v1.eliza_connect"

# The dependencies of each distribution, direct and indirect. The client is not listed: its
# dependency httpx has dependencies of its own.
COMPANIONS = {
    "connectrpc-server": {"connectrpc-protocol", "protobuf"},
    "connectrpc-protocol": {"protobuf"},
    "protoc-gen-connect-python": {"jinja2", "markupsafe", "protobuf"},
}
CLIENT_ONLY = {"anyio", "connectrpc-client", "h11", "httpcore", "httpx"}
SERVER_ONLY = {"connectrpc-server", "uvicorn"}


def main() -> int:
    """Run the trial. Return the exit status."""
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="wheels-") as directory:
            Trial(Path(directory)).run()
    except TrialError as error:
        print(f"FAILED\n{error}", flush=True)
        return 1
    print(f"All wheels passed ({time.monotonic() - start:.1f} s).")
    return 0


class Trial:
    """The steps. They write to one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = folder / "code"
        self.versions = folder / "versions.txt"
        self.wheels: dict[str, Path] = {}

    def run(self) -> None:
        """Run all steps. Raises `TrialError` at the first failure."""
        self.build()
        for name, wheel in self.wheels.items():
            with step(f"{wheel.name}: files and metadata"):
                check_wheel(name, wheel)
        self.choose_versions()
        protocol = self.install("connectrpc-protocol")
        with step("connectrpc-protocol: everything can be imported without extras"):
            protocol.python("-c", "import connectrpc_protocol.client, connectrpc_protocol.server")
        self.generate(self.install("protoc-gen-connect-python"))
        client = self.install("connectrpc-client")
        server = self.install("connectrpc-server")
        self.check_missing_sides(client, server)
        self.call_wsgi(client, server)
        self.call_asgi(client, self.install("connectrpc-server", "uvicorn"))

    def build(self) -> None:
        """Build source distributions, and wheels from them."""
        with step("build"):
            shutil.rmtree(DIST, ignore_errors=True)
            run(UV, "build", "--all-packages", "--out-dir", DIST, cwd=ROOT)
            self.wheels = {wheel_name(wheel): wheel for wheel in sorted(DIST.glob("*.whl"))}
            names = {path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")}
            check(self.wheels.keys() == names, f"{sorted(self.wheels)} instead of {sorted(names)}")

    def choose_versions(self) -> None:
        """Constrain versions: ours to the new wheels, all others to the lock file."""
        with step("versions: the new wheels, and the lock file for all others"):
            options = ("--frozen", "--no-emit-workspace", "--no-hashes", "--no-annotate")
            locked = run(UV, "export", *options, cwd=ROOT)
            ours = [f"{name} @ {wheel.as_uri()}\n" for name, wheel in self.wheels.items()]
            self.versions.write_text(locked + "".join(ours))

    def install(self, *names: str) -> Environment:
        """Install distributions and their dependencies into a new environment."""
        title = " + ".join(names)
        made = Environment(self.folder / "-".join(names), self.code)
        with step(f"{title}: installed into a new environment"):
            run(UV, "venv", "--python", sys.executable, made.root, cwd=self.folder)
            options = ("--python", made.command("python"), "--constraints", self.versions)
            run(UV, "pip", "install", *options, *names, cwd=self.folder)
        if len(names) == 1:
            self.check_companions(names[0], made.installed() - {names[0]})
        return made

    def check_companions(self, name: str, actual: set[str]) -> None:
        """Check which dependencies were installed along with a distribution."""
        expected = COMPANIONS.get(name)
        if expected is not None:
            with step(f"{name}: its only dependencies are {', '.join(sorted(expected))}"):
                check(actual == expected, f"installed: {sorted(actual)}")
        absent = SERVER_ONLY if name == "connectrpc-client" else CLIENT_ONLY
        with step(f"{name}: {', '.join(sorted(absent))} are absent"):
            check(not actual & absent, f"installed: {sorted(actual)}")

    def generate(self, generator: Environment) -> None:
        """Generate the code of the example with the installed plugin, and copy its service."""
        with step("protoc-gen-connect-python: generates for protoc"):
            self.code.mkdir()
            plugin = generator.command("protoc-gen-connect-python")
            run(
                *(sys.executable, "-m", "grpc_tools.protoc", "-Iexamples/proto"),
                f"--plugin=protoc-gen-connect-python={plugin}",
                *(f"--{kind}_out={self.code}" for kind in ("python", "pyi", "connect-python")),
                PROTO,
                cwd=ROOT,
            )
            for name in ("eliza_replies.py", "eliza_service.py"):
                shutil.copy(ROOT / "examples" / "src" / name, self.code)

    def check_missing_sides(self, client: Environment, server: Environment) -> None:
        """Check that the import of a side that is not installed names the missing distribution."""
        with step("connectrpc-client: the import of a server names what to install"):
            check_import_error(client, "ElizaServiceASGIApplication", "connectrpc-server")
            check_import_error(client, "ElizaServiceSync", "connectrpc-server")
        with step("connectrpc-server: the import of a client names what to install"):
            check_import_error(server, "ElizaServiceClient", "connectrpc-client")
            check_import_error(server, "ElizaServiceClientSync", "connectrpc-client")

    def call_wsgi(self, client: Environment, server: Environment) -> None:
        """Serve with the standard library's WSGI server, which needs the server's wheel alone."""
        with (
            step("connectrpc-server on wsgiref, called by connectrpc-client: unary, POST and GET"),
            server.serving(WSGI_SERVER) as url,
        ):
            check_lines(client.python("-c", WSGI_CALLS, url), [REPLY] * 2)

    def call_asgi(self, client: Environment, server: Environment) -> None:
        """Make all kinds of calls, with the programs of the examples."""
        expected = [("say", 1), ("introduce", 3), ("summarize", 1), ("converse", 3)]
        kinds = [kind for kind, count in expected for _ in range(count)]
        with server.serving(ASGI_SERVER) as url:
            for name in ("async_client", "sync_client"):
                with step(f"connectrpc-server on uvicorn, called by {name}: every kind of call"):
                    program = (ROOT / "examples" / "src" / f"{name}.py").read_text("utf-8")
                    output = client.python("-c", program, url)
                    check(f"say: {REPLY}\n" in output, output)
                    check_lines(re.sub(r"(?m):.*$", "", output), kinds)
            with step(
                "connectrpc-client without pyqwest: gRPC-Web works; errors name the extra for more"
            ):
                output = client.python("-c", HTTPX_CALLS, url)
                check_lines(output, [REPLY, "True", "True"])


def check_import_error(environment: Environment, name: str, distribution: str) -> None:
    """Check that an import fails and names the distribution to install."""
    program = f"try: from {GENERATED} import {name}\nexcept ImportError as error: print(error)"
    output = environment.python("-c", program)
    check(f"pip install {distribution}" in output, output or f"{name} could be imported")


if __name__ == "__main__":
    sys.exit(main())
