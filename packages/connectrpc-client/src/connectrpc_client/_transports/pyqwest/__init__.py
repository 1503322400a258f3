"""Transports over pyqwest: HTTP/1.1, 2 and 3, full duplex, with trailers except over HTTP/3."""
