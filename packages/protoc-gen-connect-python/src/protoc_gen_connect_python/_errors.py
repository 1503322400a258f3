"""The one error that a user sees: a single line that says what is wrong and where."""


class PluginError(Exception):
    """A request that cannot be turned into code; protoc prints its text after the option's name."""

    def __init__(self, message: str, where: str | None = None) -> None:
        text = f"{where}: {message}" if where else message
        super().__init__(" ".join(text.split()))
