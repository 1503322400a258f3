"""One module for each HTTP server; it imports the server only when it is used.

Each has a function `serve(order, *arguments)`, which serves until SIGTERM. `server.__main__` calls
it with the arguments of the row.
"""
