"""The knowledge graph: relations, neighbourhoods, paths, suggestions."""
