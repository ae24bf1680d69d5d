"""Node pools: managed node groups on EKS, node pools on GKE, labels and taints on machines of one's own."""
