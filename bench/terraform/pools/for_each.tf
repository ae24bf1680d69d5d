# Node pools over a variable: for each a launch template, a managed node group, and the tags that the autoscaler reads.

variable "pools" {
  description = "Node pools by name."
  type = map(object({
    capacity                = string
    machine_types           = list(string)
    ami_type                = string
    min                     = number
    max                     = number
    disk_gib                = number
    max_unavailable_percent = number
    labels                  = map(string)
  }))
}

locals {
  # What can't change on live nodes goes into the name, so that a change makes the new pool first.
  pool_names = {
    for name, pool in var.pools : name => "${name}-${substr(sha256(jsonencode({
      ami_type      = pool.ami_type
      capacity      = pool.capacity
      disk_gib      = pool.disk_gib
      machine_types = sort(pool.machine_types)
      version       = var.kubernetes_version
      zones         = keys(var.zones)
    })), 0, 6)}"
  }

  pool_labels = {
    for name, pool in var.pools : name => merge(pool.labels, {
      "kuber.dev/pool"     = name
      "kuber.dev/capacity" = pool.capacity
    })
  }

  autoscaler_tags = merge([
    for name, labels in local.pool_labels : merge(
      {
        "${name}/autoscaler-enabled" = { pool = name, key = "k8s.io/cluster-autoscaler/enabled", value = "true" }
        "${name}/autoscaler-owned"   = { pool = name, key = "k8s.io/cluster-autoscaler/${var.cluster}", value = "owned" }
      },
      {
        for key, value in labels : "${name}/label-${key}" => {
          pool  = name
          key   = "k8s.io/cluster-autoscaler/node-template/label/${key}"
          value = value
        }
      },
    )
  ]...)
}

resource "aws_launch_template" "pool" {
  for_each = var.pools

  update_default_version = true

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = each.value.disk_gib
      volume_type           = "gp3"
      encrypted             = "true"
      delete_on_termination = "true"
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]

    content {
      resource_type = tag_specifications.value
      tags          = merge(var.tags, { Name = "${var.cluster}-${each.key}" })
    }
  }
}

resource "aws_eks_node_group" "pool" {
  for_each = var.pools

  cluster_name    = aws_eks_cluster.this.name
  node_group_name = local.pool_names[each.key]
  node_role_arn   = aws_iam_role.nodes.arn
  subnet_ids      = [for zone in keys(var.zones) : aws_subnet.private[zone].id]
  version         = var.kubernetes_version
  ami_type        = each.value.ami_type
  capacity_type   = upper(each.value.capacity)
  instance_types  = each.value.machine_types
  labels          = local.pool_labels[each.key]

  launch_template {
    id      = aws_launch_template.pool[each.key].id
    version = aws_launch_template.pool[each.key].latest_version
  }

  scaling_config {
    min_size     = each.value.min
    max_size     = each.value.max
    desired_size = each.value.min
  }

  update_config {
    max_unavailable_percentage = each.value.max_unavailable_percent
  }

  node_repair_config {
    enabled = true
  }

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [scaling_config[0].desired_size]
  }

  depends_on = [
    aws_iam_role_policy_attachment.nodes,
    aws_eks_addon.before_nodes,
    aws_route.nat,
  ]
}

resource "aws_autoscaling_group_tag" "pool" {
  for_each = local.autoscaler_tags

  autoscaling_group_name = aws_eks_node_group.pool[each.value.pool].resources[0].autoscaling_groups[0].name

  tag {
    key                 = each.value.key
    value               = each.value.value
    propagate_at_launch = false
  }
}
