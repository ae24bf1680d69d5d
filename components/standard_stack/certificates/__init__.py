"""cert-manager, its issuers, and bundles of trusted authorities."""
