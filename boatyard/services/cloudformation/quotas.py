"""How many stacks there may be."""

from boatyard.api.quotas import Quota

STACKS = Quota(
    "cloudformation.Stacks",
    2000,
    "stacks of an account in a region that are not deleted",
    "LimitExceededException",
    "Limit for stack has been exceeded: {limit}",
)
