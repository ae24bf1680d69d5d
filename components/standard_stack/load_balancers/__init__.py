"""Services of type LoadBalancer: by the AWS controller, or MetalLB and kube-vip."""
