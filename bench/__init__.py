"""The benchmarks, and their last results in `results`."""
