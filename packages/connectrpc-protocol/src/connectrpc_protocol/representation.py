"""The `repr` of public objects, for debuggers and logs."""

from collections.abc import Callable


def representation(
    instance: object, text: Callable[[], str], *, class_name: str | None = None
) -> str:
    """Return the `repr` of an object: its class and a text.

    It does not raise. A debugger also shows objects whose constructor has failed or has not ended.
    Their attributes are missing, so only the class is shown. Nor does it show what may be secret:
    the caller must leave out the values of headers, and the user info and the query of a URL.
    """
    name = class_name or type(instance).__name__
    try:
        return f"<{name} {text()}>"
    except Exception:
        return f"<{name}>"
