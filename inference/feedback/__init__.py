"""What the service answered, and what officers made of it."""
