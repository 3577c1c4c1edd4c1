"""AWS Systems Manager Parameter Store: settings and secrets under hierarchical names, with versions."""

OPERATION_MODULES = ("parameters", "reading", "tagging")

QUICK_OPERATIONS = frozenset({"DescribeParameters", "GetParameter", "GetParameters", "ListTagsForResource"})

NOTES: tuple[str, ...] = (
    "Of Systems Manager only Parameter Store is done.",
    "Parameter policies (expiration, notification), the data types aws:ec2:image and aws:ssm:integration, parameters"
    " shared between accounts and AWS's public parameters under /aws/service are not done.",
    "Intelligent-Tiering keeps a parameter as Standard up to 4 KB and as Advanced above.",
)
