"""Networks: a VPC on AWS, a VPC network on Google Cloud."""
