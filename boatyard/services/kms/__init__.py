"""AWS Key Management Service: symmetric keys that never leave, aliases, data keys."""

OPERATION_MODULES = ("keys", "key_policies", "aliases", "encryption", "rotation", "grants", "tagging")
RECORD_MODULES = ("records", "key_policies", "needs")

QUICK_OPERATIONS = frozenset({"DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListAliases", "ListKeys"})

NOTES: tuple[str, ...] = (
    "Keys are symmetric (SYMMETRIC_DEFAULT, AES-256-GCM); asymmetric, HMAC, multi-Region and imported keys, custom"
    " key stores and Nitro enclaves are refused.",
    "Key material lies in the data directory, sealed under a key of the directory's own, not in a hardware module.",
    "An AWS managed key such as alias/aws/s3 is made when it is first used; any caller of the account may use it.",
    "Automatic rotation is recorded, and carried out only by RotateKeyOnDemand.",
    "Ciphertexts are boatyard's own: AWS cannot decrypt them, nor boatyard AWS's.",
)
