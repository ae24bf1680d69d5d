"""A review as a comment of a pull request on GitHub or a merge request on GitLab, edited in place on each push."""

from .errors import ForgeError
from .post import Forge, post

__all__ = ["Forge", "ForgeError", "post"]
