"""Amazon EventBridge: event buses, rules over events and times, and deliveries to targets."""

from __future__ import annotations

OPERATION_MODULES: tuple[str, ...] = ("rules", "targets", "buses", "entries")

QUICK_OPERATIONS = frozenset({"DescribeEventBus", "DescribeRule", "ListRules", "ListTargetsByRule"})

NOTES: tuple[str, ...] = (
    "Targets: CodePipeline pipelines, Lambda functions, SNS topics, CodeBuild projects and CloudWatch Logs groups. "
    "Any other target is refused by PutTargets.",
    "Deliveries are stored with the event and survive a crash; each is made at least once and tried again for a day "
    "unless the target refuses it (a permission, a resource that is not there, an invalid request).",
    "Schedules do not make up for the times at which the server was not running.",
    "Archives, replays, API destinations, connections, partner sources, global endpoints and dead-letter queues "
    "are refused.",
    "A bucket's events reach rules once the bucket's notification configuration turns EventBridge on, as on AWS.",
)
