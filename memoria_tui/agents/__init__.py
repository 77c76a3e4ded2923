"""The agents' door: what an AI agent can do with the memories, and the protocols through which it does it."""
