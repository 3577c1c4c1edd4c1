"""AWS Security Token Service: who am I, and temporary credentials."""

NOTES: tuple[str, ...] = (
    "The root may assume roles whose trust policy names its account, which AWS refuses.",
    "Identities of SAML and OpenID Connect providers and MFA are not done.",
    "GetSessionToken and GetFederationToken need an IAM user or the root, as on AWS.",
)
