"""Kept bytes: uploaded files, and results for whoever comes back. The only room that knows of files on disk."""
