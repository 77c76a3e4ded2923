"""Defects that other programs left in the data: found, explained, and repaired as acts that can be undone."""
