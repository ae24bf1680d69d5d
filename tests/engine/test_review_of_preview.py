"""The review of the real engine's previews: its verdicts are what `up` then does, and no secret of it is shown."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from unittest.mock import patch

import pytest

from kuber.plan.program import plan_stack
from kuber.progress import NoProgress
from kuber.rehearsal.events import Step
from kuber.review.changes import by_urn, changes
from kuber.review.comparison import Measure
from kuber.review.engine_run import EngineRunError, preview_text, review_by_engine
from kuber.review.from_preview import review_of_preview
from kuber.review.markdown import markdown
from kuber.review.model import Change, ClusterReview, Review
from kuber.review.page import page
from kuber.review.terminal import show
from tests.engine.staging import Staged, StagedCluster, staged, staged_small
from tests.engine.trees import charts_of, with_parts
from tests.support import EKS, PROJECT, TODAY

MEASURE = Measure(day=date(2026, 11, 22))
SECRETS = ("correct horse", "battery staple", "hunter-before", "hunter-after", "userdata-before", "userdata-after")

HOLDING = """
secret = {{"apiVersion": "v1", "kind": "Secret", "metadata": {{"name": "pw"}}, "stringData": {{"pw": "hunter-{when}"}}}}
resource("kubernetes:core/v1:Secret", "pw", secret, inside)
template = {{"name": "small", "userData": pulumi.Output.secret("userdata-{when}"), "description": "https://me:{password}@host"}}
resource("aws:ec2/launchTemplate:LaunchTemplate", "template", template, pulumi.ResourceOptions(protect={protect}))
"""
BEFORE = HOLDING.format(when="before", password="correct horse".replace(" ", "-"), protect=True)
AFTER = HOLDING.format(when="after", password="battery staple".replace(" ", "-"), protect=False)
