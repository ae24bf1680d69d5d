"""Vault: how workloads get their secrets."""
