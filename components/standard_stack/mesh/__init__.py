"""Linkerd, for services that ask for it."""
