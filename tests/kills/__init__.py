"""Gateways killed under load: what the seller billed is in the books, once, and nothing stays held for a caller."""
