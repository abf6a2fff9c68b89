"""Wire formats, as pure functions over bytes."""
