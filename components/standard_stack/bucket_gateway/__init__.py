"""Single-page apps out of object-storage buckets."""
