"""How many alarms there may be."""

from boatyard.api.quotas import Quota

ALARMS = Quota(
    "cloudwatch.Alarms",
    5000,
    "alarms of an account in a region",
    "LimitExceededFault",
    "The maximum number of {limit} alarms has been reached.",
)
