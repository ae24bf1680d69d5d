"""A new cluster's stack file: from a pattern, or from another stack's file, with address ranges that are free."""
