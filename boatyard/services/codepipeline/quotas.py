"""How many pipelines there may be."""

from boatyard.api.quotas import Quota

PIPELINES = Quota(
    "codepipeline.Pipelines",
    1000,
    "pipelines of an account in a region",
    "LimitExceededException",
    "The number of pipelines in the account is at its limit of {limit}",
)
