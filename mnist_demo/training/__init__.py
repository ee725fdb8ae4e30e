"""The training loop and its progress. Imports no server."""
