"""Metrics and the log line, made from events."""
