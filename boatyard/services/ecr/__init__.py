"""ECR: the repository API and an OCI distribution registry, stored by content."""

OPERATION_MODULES: tuple[str, ...] = ("operations", "images.operations", "layers.operations", "lifecycle.operations")

QUICK_OPERATIONS = frozenset({"DescribeRepositories", "GetRepositoryPolicy", "ListTagsForResource"})

NOTES: tuple[str, ...] = (
    "The registry answers at /v2/ of the gateway; ACCOUNT.dkr.ecr.REGION.amazonaws.com is mapped to it in builds, jobs "
    "and on the host engine.",
    "Digests are sha256 only.",
    "Uploads that are under way when the server stops begin anew.",
    "Images are not scanned: the scanning configuration is kept, and scan operations are refused.",
    "Encryption configurations other than AES256 are refused.",
    "Layers that no image refers to are removed a day after they were pushed.",
    "Lifecycle policies are carried out every hour; the storage class transition is refused.",
    "Repositories cannot be called `credentials`, nor lie below it: that path serves containers' credentials.",
)
