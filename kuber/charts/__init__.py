"""How pinned charts and files of CRDs come into the cache, and how a release's digests are filled and held against it."""
