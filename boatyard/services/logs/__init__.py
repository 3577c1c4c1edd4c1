"""Amazon CloudWatch Logs: groups, streams and events of everything that runs, readable while it runs."""

OPERATION_MODULES = ("groups", "streams", "events", "tags")

QUICK_OPERATIONS = frozenset({"DescribeLogGroups", "DescribeLogStreams", "ListTagsForResource"})

NOTES: tuple[str, ...] = (
    "Retention is carried out once an hour: events older than the group's retentionInDays are deleted.",
    "Filter patterns of terms and of JSON properties are understood; space-delimited patterns ([a, b]) are refused.",
    "KMS keys of log groups, subscription filters, metric filters and Logs Insights are not done.",
)
