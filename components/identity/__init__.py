"""How a workload gets cloud rights: Pod Identity on EKS, Workload Identity on GKE."""
