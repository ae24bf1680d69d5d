"""The plan: what the program declares for a stack file, without engine, network or credential."""
