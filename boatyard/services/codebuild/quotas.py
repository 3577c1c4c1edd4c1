"""How many projects there may be, and how many builds may wait."""

from boatyard.api.quotas import Quota

PROJECTS = Quota(
    "codebuild.Projects",
    5000,
    "build projects of an account in a region",
    "AccountLimitExceededException",
    "Cannot have more than {limit} projects",
)
QUEUED_BUILDS = Quota(
    "codebuild.QueuedBuilds",
    300,
    "builds of an account in a region that wait or run",
    "AccountLimitExceededException",
    "Cannot have more than {limit} builds in queue for the account",
)
