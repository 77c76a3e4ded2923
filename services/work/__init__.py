"""Work time: sessions and pauses, clients and projects, reports."""
