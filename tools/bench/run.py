"""Measure the cost of our server and clients, as ratios of calls per second, and the generator.

    just bench                 all parts
    just bench --only layers   one part: layers, server, client or generator

The server part runs two servers at once, each in its own process. The load goes to one of them at a
time, and they take turns, so that a change in the speed of the machine affects both.
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
GENERATED = HERE.parents[1] / "examples" / "src"
sys.path.insert(0, str(GENERATED))

import client_ratios  # noqa: E402
import generator  # noqa: E402
import load_generator  # noqa: E402
import server_layers  # noqa: E402

GOALS = {"server": 0.85, "client": 0.90, client_ratios.MAIN_THREAD: 0.60}
"""The smallest ratios that pass, on an idle machine."""

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def _served(application: str) -> Generator[int, None, None]:
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", f"applications:{application}", "--port", str(port)]
    command += ["--log-level", "warning", "--no-access-log", "--lifespan", "off"]
    command += ["--http", "httptools", "--loop", "uvloop"]
    path = os.pathsep.join([str(HERE), str(GENERATED)])
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})
    _pin(process.pid, 0)
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _pin(pid: int, core: int) -> None:
    """Pin a process to a core, if the system can (Linux): servers to one, the load to another."""
    if CORES:
        os.sched_setaffinity(pid, {CORES[core % len(CORES)]})


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not start")


def _request(port: int) -> bytes:
    headers = [*server_layers.HEADERS[1:], (b"host", b"127.0.0.1:%d" % port)]
    lines = [b"POST %s HTTP/1.1" % server_layers.SCOPE["path"].encode()]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"", server_layers.BODY])


def _report(name: str, ratios: list[float], goal: float) -> bool:
    ratio = median(ratios)
    spread = f"{min(ratios):.3f}..{max(ratios):.3f}"
    reached = "reached" if ratio >= goal else "MISSED"
    print(f"{name:<28} {ratio:6.3f}   ({spread}, {len(ratios)} rounds; goal {goal}: {reached})")
    return ratio >= goal


def bench_layers(_: argparse.Namespace) -> bool:
    """Print microseconds per call of each layer, without an HTTP server."""
    print("layers, microseconds per small unary call")
    for name, microseconds in server_layers.measure().items():
        print(f"  {name:<38} {microseconds:6.2f}")
    return True


def bench_server(options: argparse.Namespace) -> bool:
    """Compare our application with a bare one, on uvicorn."""
    ratios: list[float] = []
    with _served("bare") as bare, _served("ours") as ours:
        for number in range(options.rounds + 1):
            rates = [
                asyncio.run(load_generator.calls_per_second(port, _request(port), options.seconds))
                for port in (bare, ours)
            ]
            if number > 0:  # the first round warms up
                ratios.append(rates[1] / rates[0])
                progress = f"{number}/{options.rounds}"
                print(
                    f"  {progress:>7}  bare {rates[0]:8.0f}/s  ours {rates[1]:8.0f}/s", flush=True
                )
    return _report("server / bare ASGI handler", ratios, GOALS["server"])


def bench_client(options: argparse.Namespace) -> bool:
    """Compare our clients with raw httpx and raw pyqwest."""
    with _served("ours") as port:
        found = client_ratios.all_ratios(f"http://127.0.0.1:{port}", options.rounds, 100)
    reached = [
        _report(name, ratios, GOALS.get(name, GOALS["client"])) for name, ratios in found.items()
    ]
    return all(reached)


def bench_generator(_: argparse.Namespace) -> bool:
    """Print the time that the generator takes. It is not compared, so it does not have a goal."""
    print("generator, milliseconds per proto file with a service")
    print(f"  {generator.FILES} files of three modules {generator.milliseconds_per_file():>13.2f}")
    return True


def main() -> int:
    """Run the chosen parts. Return 1 if a goal is missed."""
    parts = {
        "layers": bench_layers,
        "server": bench_server,
        "client": bench_client,
        "generator": bench_generator,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", choices=parts, help="run only this part")
    parser.add_argument("--rounds", type=int, default=60, help="how often each side has a turn")
    parser.add_argument(
        "--seconds", type=float, default=0.2, help="length of a turn of the server part"
    )
    options = parser.parse_args()
    _pin(os.getpid(), 1)
    chosen = [options.only] if options.only else list(parts)
    reached = [parts[name](options) for name in chosen]  # a missed goal does not skip later parts
    return 0 if all(reached) else 1


if __name__ == "__main__":
    import uvloop

    uvloop.install()
    sys.exit(main())
