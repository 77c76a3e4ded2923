"""The terminal program. Knows Textual and the services, no database."""
