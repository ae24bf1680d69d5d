"""What holds for all tests."""

import os

from config.today import VARIABLE
from tests.support import TODAY

os.environ[VARIABLE] = TODAY.isoformat()
"""Versions and their support are judged for one day, here and in each process that a test starts."""
