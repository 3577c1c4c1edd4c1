"""How many topics there may be, and how many subscriptions one may have."""

from boatyard.api.quotas import Quota

TOPICS = Quota(
    "sns.Topics",
    100_000,
    "topics of an account in a region",
    "TopicLimitExceeded",
    "The account already owns the maximum allowed number of topics, which is {limit}",
    403,
)
SUBSCRIPTIONS = Quota(
    "sns.SubscriptionsPerTopic",
    12_500_000,
    "subscriptions of a topic",
    "SubscriptionLimitExceeded",
    "The topic already has the maximum allowed number of subscriptions, which is {limit}",
    403,
)
