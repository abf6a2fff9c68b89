"""Measurements that are not tests: figures for the README, on real servers."""
