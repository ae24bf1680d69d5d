"""What all pages have in common: one file of HTML each, that loads nothing, and that a policy keeps from running anything else."""
