"""Qdrant Edge, the embedded vector store, in a process of its own."""
