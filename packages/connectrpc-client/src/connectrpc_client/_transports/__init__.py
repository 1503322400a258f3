"""The HTTP libraries below clients, each behind one interface."""
