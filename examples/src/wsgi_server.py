"""Serve Eliza with WSGI.

Run `python examples/src/wsgi_server.py` to try it. In production, use a WSGI server such as
gunicorn: `gunicorn --threads 8 wsgi_server:app`.
"""

import os

from werkzeug.serving import run_simple

from eliza.v1.eliza_connect import ElizaServiceWSGIApplication
from eliza_service import ElizaSync

app = ElizaServiceWSGIApplication(ElizaSync(pause=0.1))

if __name__ == "__main__":
    run_simple("127.0.0.1", int(os.environ.get("PORT", "8080")), app, threaded=True)
