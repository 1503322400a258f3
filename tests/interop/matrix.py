"""The servers and clients of `test_grpc.py`. Other projects' clients call `OUR_SERVERS`."""

# The commands that start the servers, in the folder `servers`.
OUR_SERVERS = {
    "uvicorn": (
        "uvicorn",
        "--port=0",
        "--http=zttp",
        "--http2",
        "--no-access-log",
        "connectrpc_async:app",
    ),
    "hypercorn": ("hypercorn", "--bind=127.0.0.1:0", "connectrpc_async:app"),
    "pyvoy": ("pyvoy", "--port=0", "connectrpc_async:app"),
    "pyvoy-wsgi": ("pyvoy", "--port=0", "--interface=wsgi", "connectrpc_sync:app"),
}
GRPCIO_SERVERS = {
    "grpcio-async": ("python", "grpcio_async.py"),
    "grpcio-sync": ("python", "grpcio_sync.py"),
}
SERVERS = OUR_SERVERS | GRPCIO_SERVERS
# The module and the class of each client.
CLIENTS = {
    "grpcio-async": ("clients.grpcio_async", "GrpcioAsync"),
    "grpcio-sync": ("clients.grpcio_sync", "GrpcioSync"),
    "connectrpc-async": ("clients.connectrpc_async", "ConnectrpcAsync"),
    "connectrpc-sync": ("clients.connectrpc_sync", "ConnectrpcSync"),
}
