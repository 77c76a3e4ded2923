"""Commands in an instant: a process that has everything imported forks for each command, which runs unchanged."""
