"""Benchmarks; most measure a yardstick in the same run."""
