"""How many parameters there may be."""

from boatyard.api.quotas import Quota

PARAMETERS = Quota(
    "ssm.Parameters",
    10_000,
    "parameters of an account in a region",
    "ParameterLimitExceeded",
    "You have exceeded the number of parameters for this account, which is {limit}. Delete parameters and try again.",
)
