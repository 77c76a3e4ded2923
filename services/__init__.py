"""What can be done with memories, relations and work time. Knows no screen."""

__version__ = "0.1.0"
