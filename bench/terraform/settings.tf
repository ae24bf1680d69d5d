# What the stack file says, as variables; bench/terraform_graph.py writes their values.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "cluster" {
  description = "Name of the cluster."
  type        = string
}

variable "account_id" {
  type = string
}

variable "region" {
  type = string
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
}

variable "kubernetes_version" {
  type = string
}

variable "addon_versions" {
  type = map(string)
}

variable "cidr" {
  description = "Range of the VPC."
  type        = string
}

variable "service_cidr" {
  type = string
}

variable "zones" {
  description = "The two subnets of each availability zone."
  type = map(object({
    private = string
    public  = string
  }))
}

variable "gateway_endpoints" {
  description = "AWS services reached by a gateway endpoint."
  type        = set(string)
}

variable "flow_logs" {
  type = object({
    traffic        = string
    retention_days = number
  })
}

variable "log_retention_days" {
  type = number
}

variable "key_deletion_window_days" {
  type = number
}

variable "private_cidrs" {
  description = "Private ranges that reach the API server, by name."
  type        = map(string)
}

variable "access" {
  description = "People with rights in the cluster: IAM role and access policy, by what they are for."
  type = map(object({
    principal = string
    policy    = string
  }))
}

# A plan of new resources asks AWS nothing: no credentials, no account.
provider "aws" {
  region                      = var.region
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  skip_region_validation      = true

  default_tags {
    tags = var.tags
  }
}
