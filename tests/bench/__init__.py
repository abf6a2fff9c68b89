"""Measurements that are not tests: each is a program of its own, `python -m tests.bench.NAME`."""
