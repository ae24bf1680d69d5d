"""Kubernetes versions: the table of the repository beside the stacks that run them, and bringing it up to date."""
