"""The command line of the kuber project: plan, review, validate and rehearse clusters."""
