"""S3: buckets and objects, kept encrypted on this machine's disk."""

OPERATION_MODULES: tuple[str, ...] = (
    "buckets",
    "bucket_access",
    "bucket_configuration",
    "unconfigured",
    "objects",
    "deletion",
    "copies",
    "multipart",
    "uploads",
    "listing",
    "object_tags",
    "attributes",
)
RECORD_MODULES = ("records", "needs")

ASYNC_OPERATIONS = {"PutObject": "asynchronous"}
QUICK_OPERATIONS = frozenset(
    {"GetObject", "HeadObject", "HeadBucket", "GetBucketLocation", "ListBuckets", "ListObjects", "ListObjectsV2"}
)

NOTES: tuple[str, ...] = (
    "Every bucket is served at the one address, whatever its region: there are no redirects between regions.",
    "All objects are encrypted on disk with AES-256-GCM, by a key of the data directory (SSE-S3) or by KMS "
    "(SSE-KMS). SSE-C and aws:kms:dsse are refused.",
    "Lifecycle rules are carried out once an hour, and by `boatyard gc`: expiration of objects, noncurrent versions, "
    "delete markers and unfinished uploads. Transitions are kept and returned, and move nothing: there is one place "
    "here, whatever the storage class is called.",
    "CORS configurations are stored and returned, but preflight requests are not answered.",
    "Storage classes STANDARD, REDUCED_REDUNDANCY, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING and GLACIER_IR are "
    "recorded and cost the same disk; the archive classes are refused.",
    "Of the canned ACLs only private and bucket-owner-full-control are accepted; use bucket policies to give access.",
    "Notifications go to EventBridge; Lambda, SQS and SNS destinations in a bucket's configuration are refused: "
    "an EventBridge rule does the same.",
    "Object Lock, replication, static websites, access logging, inventories, analytics, S3 Select, directory "
    "buckets and Transfer Acceleration are refused.",
    "The checksum algorithms XXHASH64, XXHASH3 and XXHASH128 are refused.",
    "The entity tag of an object with SSE-KMS is random, as on AWS it is not an MD5 digest.",
)
