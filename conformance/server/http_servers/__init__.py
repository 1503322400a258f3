"""One module for each HTTP server under test.

Each has a function `serve(order, *arguments)`, which announces its port and serves until SIGTERM.
The row of a server gives the arguments.
"""
