"""AWS Lambda: zip functions in Python, run in containers by AWS's own runtime interface client."""

OPERATION_MODULES = (
    "functions.operations",
    "functions.versions",
    "functions.permissions",
    "functions.settings",
    "functions.tags",
    "layers",
    "invocations.operations",
)
WORKFLOW_MODULES = ("invocations.workflow",)

QUICK_OPERATIONS = frozenset(
    {
        "GetAlias",
        "GetFunction",
        "GetFunctionConcurrency",
        "GetFunctionConfiguration",
        "GetPolicy",
        "ListAliases",
        "ListFunctions",
        "ListTags",
        "ListVersionsByFunction",
    }
)

NOTES: tuple[str, ...] = (
    "Functions are zip packages in Python; other runtimes and container images are refused.",
    "Every Python runtime runs on the one of the functions environment (Python 3.11); the function's log says so "
    "where the runtime asked for is another one.",
    "MemorySize limits the container's memory; processor time is not scaled with it.",
    "What a function writes to /tmp counts towards its memory.",
    "A function's credentials come from the container credentials endpoint, not from AWS_ACCESS_KEY_ID and its kin.",
    "REPORT lines in a function's log have no Max Memory Used.",
    "A function has at most 10 instances at once unless PutFunctionConcurrency says fewer; an idle instance is "
    "stopped after 10 minutes.",
    "VPC settings, file systems, dead letter queues, destinations, event source mappings, function URLs, provisioned "
    "concurrency, SnapStart and code signing are refused.",
)
