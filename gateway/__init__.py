"""Nano Banana Gateway: one base_url in front of Google's image models."""

__version__ = "0.1.0"
