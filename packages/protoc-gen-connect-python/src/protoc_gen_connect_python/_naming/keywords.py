"""Names that generated code cannot use: keywords, and names that it needs for something else.

The keywords are listed here, because the output must not depend on the Python version that runs
the plugin.
"""

HARD_KEYWORDS = frozenset(
    {
        "False",
        "None",
        "True",
        "and",
        "as",
        "assert",
        "async",
        "await",
        "break",
        "class",
        "continue",
        "def",
        "del",
        "elif",
        "else",
        "except",
        "finally",
        "for",
        "from",
        "global",
        "if",
        "import",
        "in",
        "is",
        "lambda",
        "nonlocal",
        "not",
        "or",
        "pass",
        "raise",
        "return",
        "try",
        "while",
        "with",
        "yield",
    }
)
SOFT_KEYWORDS = frozenset({"case", "match", "type"})

RESERVED_CLIENT_NAMES = frozenset({"aclose", "close"})
"""The public methods of the runtime's clients; the method of an RPC must not replace them."""

# Linters reject these names for functions and classes, because they look like digits.
_AMBIGUOUS = frozenset({"I", "O", "l"})
# Annotations in a generated class use these names; a method of that name would hide them from the
# methods below it.
_USED_IN_CLASS_BODIES = frozenset({"bool", "int"})
_USED_IN_MODULES = frozenset({"TYPE_CHECKING", "getattr"})

RESERVED_METHOD_NAMES = (
    HARD_KEYWORDS
    | SOFT_KEYWORDS
    | RESERVED_CLIENT_NAMES
    | _AMBIGUOUS
    | _USED_IN_CLASS_BODIES
    | {"cls", "self"}
)
RESERVED_PUBLIC_NAMES = HARD_KEYWORDS | SOFT_KEYWORDS | _AMBIGUOUS | _USED_IN_MODULES


def is_identifier(name: str) -> bool:
    """Return whether Python code can contain this name; it cannot contain `lambda` or `2fa`."""
    return name.isidentifier() and name not in HARD_KEYWORDS
