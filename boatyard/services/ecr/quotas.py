"""How many repositories there may be, and how many images in one."""

from boatyard.api.quotas import Quota

REPOSITORIES = Quota(
    "ecr.Repositories",
    100_000,
    "repositories of an account in a region",
    "LimitExceededException",
    "The registry already has the maximum allowed number of repositories, which is {limit}",
)
IMAGES = Quota(
    "ecr.ImagesPerRepository",
    100_000,
    "images of a repository",
    "LimitExceededException",
    "The repository already has the maximum allowed number of images, which is {limit}",
)
