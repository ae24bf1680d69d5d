# The control plane: its key, role and logs, who reaches it, who may use it, the add-ons that nodes need, and
# the nodes' role.

locals {
  cluster_arn   = "arn:aws:eks:${var.region}:${var.account_id}:cluster/${var.cluster}"
  policy        = "arn:aws:iam::aws:policy"
  access_policy = "arn:aws:eks::aws:cluster-access-policy"

  # Service accounts with AWS rights, by Pod Identity.
  pod_identities = {
    aws-node              = "AmazonEKS_CNI_Policy"
    ebs-csi-controller-sa = "AmazonEBSCSIDriverPolicyV2"
  }

  addon_settings = {
    vpc-cni = {
      enableNetworkPolicy = "true"
      env                 = { ENABLE_PREFIX_DELEGATION = "true", WARM_PREFIX_TARGET = "1" }
    }
    coredns = { podDisruptionBudget = { enabled = true, maxUnavailable = 1 } }
  }
}

resource "aws_kms_key" "secrets" {
  description             = "Kubernetes secrets of ${var.cluster}"
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_window_days

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "secrets" {
  name          = "alias/kuber/${var.cluster}-secrets"
  target_key_id = aws_kms_key.secrets.key_id
}

resource "aws_iam_role" "control_plane" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "eks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "control_plane" {
  role       = aws_iam_role.control_plane.name
  policy_arn = "${local.policy}/AmazonEKSClusterPolicy"
}

resource "aws_iam_role_policy" "control_plane_key" {
  role = aws_iam_role.control_plane.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["kms:Encrypt", "kms:Decrypt", "kms:ListGrants", "kms:DescribeKey"]
      Resource = [aws_kms_key.secrets.arn]
    }]
  })
}

resource "aws_cloudwatch_log_group" "control_plane" {
  name              = "/aws/eks/${var.cluster}/cluster"
  retention_in_days = var.log_retention_days
}

resource "aws_security_group" "api" {
  vpc_id      = aws_vpc.this.id
  description = "Who reaches the API server of ${var.cluster}"
  tags        = { Name = "${var.cluster}-api" }
}

resource "aws_vpc_security_group_ingress_rule" "api" {
  for_each = var.private_cidrs

  security_group_id = aws_security_group.api.id
  description       = each.key
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_eks_cluster" "this" {
  name                          = var.cluster
  version                       = var.kubernetes_version
  role_arn                      = aws_iam_role.control_plane.arn
  enabled_cluster_log_types     = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
  bootstrap_self_managed_addons = false

  vpc_config {
    subnet_ids              = [for zone in keys(var.zones) : aws_subnet.private[zone].id]
    security_group_ids      = [aws_security_group.api.id]
    endpoint_private_access = true
    endpoint_public_access  = false
  }

  kubernetes_network_config {
    service_ipv4_cidr = var.service_cidr
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = aws_kms_key.secrets.arn
    }
  }

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false
  }

  upgrade_policy {
    support_type = "STANDARD"
  }

  zonal_shift_config {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [
    aws_iam_role_policy_attachment.control_plane,
    aws_iam_role_policy.control_plane_key,
    aws_cloudwatch_log_group.control_plane,
  ]
}

resource "aws_eks_access_entry" "this" {
  for_each = var.access

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal
  type          = "STANDARD"
}

resource "aws_eks_access_policy_association" "this" {
  for_each = var.access

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.this[each.key].principal_arn
  policy_arn    = "${local.access_policy}/${each.value.policy}"

  access_scope {
    type = "cluster"
  }
}

resource "aws_iam_role" "pod_identity" {
  for_each = local.pod_identities

  description = "kube-system/${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:RequestTag/eks-cluster-arn"            = local.cluster_arn
          "aws:RequestTag/kubernetes-namespace"       = "kube-system"
          "aws:RequestTag/kubernetes-service-account" = each.key
        }
      }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "pod_identity" {
  for_each = local.pod_identities

  role       = aws_iam_role.pod_identity[each.key].name
  policy_arn = "${local.policy}/${each.value}"
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = local.pod_identities

  cluster_name    = aws_eks_cluster.this.name
  namespace       = "kube-system"
  service_account = each.key
  role_arn        = aws_iam_role.pod_identity[each.key].arn
}

resource "aws_eks_addon" "before_nodes" {
  for_each = toset(["vpc-cni", "kube-proxy", "eks-pod-identity-agent"])

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = var.addon_versions[each.key]
  configuration_values        = try(jsonencode(local.addon_settings[each.key]), null)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  depends_on = [
    aws_eks_pod_identity_association.this["aws-node"],
    aws_iam_role_policy_attachment.pod_identity["aws-node"],
  ]
}

resource "aws_iam_role" "nodes" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "nodes" {
  for_each = toset(["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"])

  role       = aws_iam_role.nodes.name
  policy_arn = "${local.policy}/${each.key}"
}
