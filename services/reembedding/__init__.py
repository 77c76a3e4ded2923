"""Moving a store to another embedding model or vector size while it stays usable."""
