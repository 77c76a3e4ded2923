"""Files in and out: import of what others wrote, lossless export."""
