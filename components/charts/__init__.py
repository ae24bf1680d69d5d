"""Pinned charts become objects: an archive from the cache, rendered by helm, each object a resource of its own."""
