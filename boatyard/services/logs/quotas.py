"""How many log groups there may be."""

from boatyard.api.quotas import Quota

GROUPS = Quota(
    "logs.LogGroups",
    1_000_000,
    "log groups of an account in a region",
    "LimitExceededException",
    "Resource limit exceeded.",
)
