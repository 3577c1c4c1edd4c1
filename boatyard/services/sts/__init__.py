"""AWS Security Token Service: who am I, and temporary credentials."""

QUICK_OPERATIONS = frozenset({"GetAccessKeyInfo", "GetCallerIdentity"})

NOTES: tuple[str, ...] = (
    "Identities of SAML and OpenID Connect providers and MFA are not done.",
    "GetSessionToken and GetFederationToken need an IAM user or the root, as on AWS.",
)
