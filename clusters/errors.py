"""What a cluster refuses."""


class UnsupportedError(Exception):
    """A platform was asked for what it doesn't have."""
