"""The HTTP edge: caller routes, gateway routes, admin."""
