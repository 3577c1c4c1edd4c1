"""How many keys there may be, and how many aliases and grants one may have."""

from boatyard.api.quotas import Quota

KEYS = Quota(
    "kms.Keys",
    100_000,
    "customer managed keys of an account in a region",
    "LimitExceededException",
    "The account has the maximum number of keys, which is {limit}",
)
ALIASES = Quota(
    "kms.AliasesPerKey",
    50,
    "aliases of a key",
    "LimitExceededException",
    "The key has the maximum number of aliases, which is {limit}",
)
GRANTS = Quota(
    "kms.GrantsPerKey",
    50_000,
    "grants of a key",
    "LimitExceededException",
    "The key has the maximum number of grants, which is {limit}",
)
