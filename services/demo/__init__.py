"""The demo: a believable year of a small software company, made from a seed."""
