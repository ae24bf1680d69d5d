"""Nodes as they are needed, and some held ready."""
