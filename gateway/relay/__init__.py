"""The journey of a call; the only room that knows the others."""
