"""The production policy in simulated incidents: a virtual clock, seeded dice, and `core` unchanged."""
