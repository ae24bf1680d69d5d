"""Which changes replace a resource rather than update it: the providers' own force-new facts."""
