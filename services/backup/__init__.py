"""Backups: one checksummed file of everything, taken while others write, and the way back into any store."""
