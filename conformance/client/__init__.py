"""The clients under test: async and sync, over each HTTP library."""
