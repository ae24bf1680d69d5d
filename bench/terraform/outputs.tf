output "cluster" {
  value = aws_eks_cluster.this.name
}

output "kubernetes_version" {
  value = aws_eks_cluster.this.version
}

output "zones" {
  value = keys(var.zones)
}

output "kubeconfig" {
  value = jsonencode({
    apiVersion      = "v1"
    kind            = "Config"
    current-context = var.cluster
    contexts        = [{ name = var.cluster, context = { cluster = var.cluster, user = var.cluster } }]
    clusters = [{
      name = var.cluster
      cluster = {
        server                     = aws_eks_cluster.this.endpoint
        certificate-authority-data = aws_eks_cluster.this.certificate_authority[0].data
      }
    }]
    users = [{
      name = var.cluster
      user = {
        exec = {
          apiVersion = "client.authentication.k8s.io/v1"
          command    = "aws"
          args       = ["eks", "get-token", "--region", var.region, "--cluster-name", var.cluster]
        }
      }
    }]
  })
}
