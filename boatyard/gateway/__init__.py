"""HTTP in, operation out: the server, AWS's protocols and signatures."""

NOTES: tuple[str, ...] = (
    "Signatures are always verified: version 4 in headers, presigned URLs and aws-chunked bodies; version 2 in "
    "presigned S3 URLs only. Signature Version 4A is refused.",
    "S3's browser uploads (POST with a policy document) are refused.",
    "An operation that boatyard does not do answers 501 and names service and operation; with the setting `upstream` "
    "it goes to the server named there instead.",
    "Bodies that do not stream may have 100 MiB.",
    "Every region may be signed for; resources are kept by account and region. Account and root keys are settings.",
    "boatyard speaks HTTP, not HTTPS, and listens on 127.0.0.1 and on the addresses of its own container networks.",
)
