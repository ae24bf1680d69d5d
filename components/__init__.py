"""The building blocks that clusters are made of, one folder for each kind."""
