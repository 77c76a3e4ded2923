"""What the program keeps in files of its person: settings, views, drafts, searches, the log."""
