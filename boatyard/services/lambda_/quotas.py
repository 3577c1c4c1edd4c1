"""How much code of functions and layers may be kept."""

from boatyard.api.quotas import Quota

CODE_STORAGE = Quota(
    "lambda.CodeStorageBytes",
    75 << 30,
    "bytes of the zips of all functions, versions and layers of an account in a region",
    "CodeStorageExceededException",
    "Code storage limit exceeded.",
)
