"""Serve Eliza with ASGI.

Run `python examples/src/asgi_server.py`, or start any ASGI server: `uvicorn asgi_server:app`.
"""

import os

import uvicorn

from eliza.v1.eliza_connect import ElizaServiceASGIApplication
from eliza_service import Eliza

app = ElizaServiceASGIApplication(Eliza(pause=0.1))

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8080")))
