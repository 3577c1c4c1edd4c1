"""How many buckets an account may have."""

from boatyard.api.quotas import Quota

BUCKETS = Quota(
    "s3.Buckets",
    10_000,
    "buckets of an account",
    "TooManyBuckets",
    "You have attempted to create more buckets than allowed",
)
