"""PostgreSQL, embedded or by URL: schema, history, relations, work time."""
