"""Run the `python` blocks of one page in one namespace, with `await` allowed at the top level.

Reads each block as a line of JSON from stdin. Writes one line of JSON for each block: its output,
and the traceback if it failed.
"""

import ast
import asyncio
import contextlib
import inspect
import io
import json
import sys
import traceback


def main() -> None:
    namespace: dict[str, object] = {"__name__": "page"}
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            block = json.loads(line)
            printed, failure = io.StringIO(), ""
            with contextlib.redirect_stdout(printed):
                try:
                    code = compile(
                        "\n" * block["line"] + block["text"],
                        block["page"],
                        "exec",
                        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
                    )
                    result = eval(code, namespace)
                    if inspect.iscoroutine(result):
                        runner.run(result)
                except Exception:
                    failure = traceback.format_exc()
            print(json.dumps({"printed": printed.getvalue(), "failure": failure}), flush=True)


main()
