"""AWS Identity and Access Management: users, groups, roles, policies and keys."""

OPERATION_MODULES = (
    "users",
    "groups",
    "roles",
    "service_linked_roles",
    "inline_policies",
    "attached_policies",
    "managed_policies",
    "policy_versions",
    "access_keys",
    "service_credentials",
    "instance_profiles",
    "tagging",
    "simulation",
)
RESOURCE_MODULES = ("role_resources", "policy_resources", "user_resources")

NOTES: tuple[str, ...] = (
    'Identity policies are asked on every call unless the setting authorization is "off"; trust policies always are.',
    "Of the resources' tags (aws:ResourceTag) and of the service a call came through (kms:ViaService) conditions know"
    " nothing: a statement that asks for them does not apply.",
    "Sign-in to a console, passwords, MFA devices, SAML and OpenID Connect providers and certificates are not done.",
    "The AWS managed policies that delivery and machine learning stacks name are known, retired ones included;"
    " attaching any other is NoSuchEntity.",
    "ReadOnlyAccess names only the services that boatyard has.",
    "Retired AWS managed policies can still be attached, which AWS refuses.",
    "Service-linked roles can be made for a few services; boatyard's services do not need them.",
)
