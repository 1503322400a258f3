"""Serve Eliza to web pages of another origin, which browsers allow by the rules of CORS."""

import os

import uvicorn
from starlette.middleware.cors import CORSMiddleware

from connectrpc_server import cors
from eliza.v1.eliza_connect import ElizaServiceASGIApplication
from eliza_service import Eliza

app = CORSMiddleware(
    ElizaServiceASGIApplication(Eliza()),
    allow_origins=["https://www.example.com"],
    allow_methods=cors.ALLOW_METHODS,
    allow_headers=cors.ALLOW_HEADERS,
    expose_headers=cors.exposed_headers(response_headers=["Eliza-Mood"]),
    max_age=7200,
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8080")))
