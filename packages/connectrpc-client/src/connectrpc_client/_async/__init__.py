"""The async client and its calls. Each module has a counterpart of the same name in `_sync`."""
