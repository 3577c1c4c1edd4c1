"""CloudWatch: metrics, their statistics, and alarms on them."""

OPERATION_MODULES: tuple[str, ...] = ("metrics", "statistics", "alarms", "alarm_history", "tags")

QUICK_OPERATIONS = frozenset({"DescribeAlarms", "DescribeAlarmsForMetric", "ListTagsForResource"})

NOTES: tuple[str, ...] = (
    "Data points are kept for 455 days as they came; they are not rolled up to coarser periods after 3 hours, 15 and "
    "63 days.",
    "Of the extended statistics the percentiles (p0 to p100) are done; trimmed means and the like are refused.",
    "GetMetricData takes MetricStat queries; metric math, SEARCH and Metrics Insights expressions are refused.",
    "Alarms on one metric are evaluated every 5 seconds; their actions are SNS topics, and their changes are events "
    "of EventBridge. Alarms on metric math, composite alarms and anomaly detection are refused.",
    "Dashboards, metric streams, Contributor Insights and cross-account metrics are not done.",
)
