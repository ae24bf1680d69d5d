# The VPC: a private and a public subnet in each zone, each zone with a NAT gateway of its own.

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = { Name = var.cluster }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_default_security_group" "deny" {
  vpc_id = aws_vpc.this.id
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.cluster }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.cluster}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_subnet" "public" {
  for_each = var.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value.public
  map_public_ip_on_launch = false

  tags = {
    Name                                   = "${var.cluster}-public-${each.key}"
    "kubernetes.io/role/elb"               = "1"
    "kubernetes.io/cluster/${var.cluster}" = "shared"
  }
}

resource "aws_route_table_association" "public" {
  for_each = var.zones

  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public.id
}

resource "aws_eip" "nat" {
  for_each = var.zones

  domain = "vpc"
  tags   = { Name = "${var.cluster}-${each.key}" }
}

resource "aws_nat_gateway" "this" {
  for_each = var.zones

  allocation_id = aws_eip.nat[each.key].allocation_id
  subnet_id     = aws_subnet.public[each.key].id
  tags          = { Name = "${var.cluster}-${each.key}" }
}

resource "aws_route_table" "private" {
  for_each = var.zones

  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.cluster}-private-${each.key}" }
}

resource "aws_route" "nat" {
  for_each = var.zones

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[each.key].id
}

resource "aws_subnet" "private" {
  for_each = var.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value.private
  map_public_ip_on_launch = false

  tags = {
    Name                                   = "${var.cluster}-private-${each.key}"
    "kubernetes.io/role/internal-elb"      = "1"
    "kubernetes.io/cluster/${var.cluster}" = "shared"
  }
}

resource "aws_route_table_association" "private" {
  for_each = var.zones

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = var.gateway_endpoints

  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for zone in keys(var.zones) : aws_route_table.private[zone].id]
  tags              = { Name = "${var.cluster}-${each.key}" }
}

resource "aws_cloudwatch_log_group" "flow_logs" {
  name              = "/kuber/${var.cluster}/flow-logs"
  retention_in_days = var.flow_logs.retention_days
}

resource "aws_iam_role" "flow_logs" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:aws:ec2:${var.region}:${var.account_id}:vpc-flow-log/*" }
      }
    }]
  })
}

resource "aws_iam_role_policy" "flow_logs" {
  role = aws_iam_role.flow_logs.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = [
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
      ]
      Resource = "arn:aws:logs:${var.region}:${var.account_id}:log-group:/kuber/${var.cluster}/flow-logs:*"
    }]
  })
}

resource "aws_flow_log" "this" {
  vpc_id                   = aws_vpc.this.id
  traffic_type             = var.flow_logs.traffic
  log_destination          = aws_cloudwatch_log_group.flow_logs.arn
  iam_role_arn             = aws_iam_role.flow_logs.arn
  max_aggregation_interval = 60
  tags                     = { Name = var.cluster }

  depends_on = [aws_iam_role_policy.flow_logs]
}
