"""What can be done with memories, relations and work time. Knows no screen."""
