"""Certificates that nobody would issue are told of."""

from __future__ import annotations

from config.advice import advice
from tests.support import EKS, METAL, SHIPPED, TODAY, StackFile


def told(file: StackFile) -> list[str]:
    return [one for one in advice(file.read(), TODAY) if "comes from the issuer" in one]


def test_a_part_that_waits_for_a_certificate_that_nobody_issues_is_told_of() -> None:
    [warning] = told(METAL.without("standard_stack.secrets").without("standard_stack.monitoring"))
    assert warning.startswith("logging: the certificate for filebeat, to Logstash comes from the issuer vault, ")
    [warning] = told(EKS.without("standard_stack.certificates.acme"))
    assert warning.startswith(
        "ingress: the certificate for hosts without one of their own comes from the issuer letsencrypt, "
    )


def test_what_the_stack_issues_itself_is_not_told_of() -> None:
    assert [one for file in SHIPPED for one in told(file)] == []
