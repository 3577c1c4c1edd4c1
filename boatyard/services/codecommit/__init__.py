"""CodeCommit: git repositories over smart HTTP and the API around them."""

OPERATION_MODULES: tuple[str, ...] = (
    "operations",
    "branches",
    "commits",
    "files",
    "merges",
    "triggers",
)

NOTES: tuple[str, ...] = (
    "Repositories are reached over HTTP only; SSH is not served.",
    "Repositories cannot be encrypted with a customer managed KMS key: kmsKeyId is refused.",
    "Pull requests, comments, approval rules and their templates are not there.",
    "Merges do not detect renames; conflicts are resolved by file or by line, never by contents given in the call.",
    "A password of the credential helper signed for another server name than the one asked is refused.",
)
