"""Photos in, categories out: the core that a server needs, without torch."""
