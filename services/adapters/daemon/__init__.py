"""The store daemon of a home: one process that holds Qdrant Edge and the bundled model for any number of programs."""
