"""The errors of `zoo.common.errors`, under the name that users import."""

from zoo.common.errors import *  # noqa: F403
