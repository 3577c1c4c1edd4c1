"""How many repositories there may be."""

from boatyard.api.quotas import Quota

REPOSITORIES = Quota(
    "codecommit.Repositories",
    5000,
    "repositories of an account in a region",
    "RepositoryLimitExceededException",
    "Repository resource limit exceeded: there are {used}",
)
