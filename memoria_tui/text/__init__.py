"""How values read and look in a terminal, for screens and commands alike. Knows no widget."""
