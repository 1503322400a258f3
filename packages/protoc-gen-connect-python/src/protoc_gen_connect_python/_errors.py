"""The error that users of the plugin see: one line with the place and the reason."""


class PluginError(Exception):
    """The plugin cannot generate code for a request.

    protoc prints the text after the name of its option: `--connect-python_out: …`.
    """

    def __init__(self, message: str, where: str | None = None) -> None:
        text = f"{where}: {message}" if where else message
        super().__init__(" ".join(text.split()))
