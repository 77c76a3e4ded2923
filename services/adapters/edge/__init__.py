"""Qdrant Edge, the embedded vector store, as the store daemon holds it."""
