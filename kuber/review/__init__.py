"""The review: what a change of the project will do to real clusters, from the plans before and after it."""
