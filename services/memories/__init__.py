"""Memories: how they are stored in points, written without loss, deleted, restored and undone."""
