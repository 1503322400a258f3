"""Mount Eliza below a prefix of a Flask application."""

import os

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import run_simple

from eliza.v1.eliza_connect import ElizaServiceWSGIApplication
from eliza_service import ElizaSync

site = Flask(__name__)


@site.get("/")
def home() -> str:
    return "Eliza is at /api"


app = DispatcherMiddleware(site, {"/api": ElizaServiceWSGIApplication(ElizaSync())})

if __name__ == "__main__":
    run_simple("127.0.0.1", int(os.environ.get("PORT", "8080")), app, threaded=True)
