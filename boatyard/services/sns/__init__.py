"""Amazon Simple Notification Service: topics that hand messages on to functions and to programs on this machine."""

OPERATION_MODULES = ("topics", "subscriptions", "publishing", "permissions", "tagging")
RECORD_MODULES = ("records", "permissions")
WORKFLOW_MODULES = ("delivery",)

QUICK_OPERATIONS = frozenset({"GetTopicAttributes", "ListTopics"})

NOTES: tuple[str, ...] = (
    "Messages go to Lambda functions and to http and https addresses of this machine (127.0.0.1, ::1, localhost).",
    "An email subscription stays pending for ever: boatyard sends no mail. SQS, SMS, Firehose and mobile push are"
    " refused.",
    "FIFO topics, message archives, data protection policies, dead-letter queues and delivery status logging are"
    " refused.",
    "Messages to http and https addresses are not signed.",
)
