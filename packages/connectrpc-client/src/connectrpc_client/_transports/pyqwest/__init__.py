"""Transports over pyqwest."""
