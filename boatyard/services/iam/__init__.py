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

QUICK_OPERATIONS = frozenset(
    {
        "GetGroup",
        "GetGroupPolicy",
        "GetInstanceProfile",
        "GetPolicy",
        "GetPolicyVersion",
        "GetRole",
        "GetRolePolicy",
        "GetUser",
        "GetUserPolicy",
        "ListAttachedRolePolicies",
        "ListRolePolicies",
        "ListRoleTags",
    }
)

NOTES: tuple[str, ...] = (
    'Identity policies are asked on every call unless the setting authorization is "off"; trust policies always are.',
    "aws:SecureTransport is true, though the server speaks plain HTTP: nothing that reaches it leaves the machine.",
    "aws:SourceVpc, aws:SourceVpce, aws:PrincipalOrgID and the like, aws:Referer, aws:FederatedProvider, S3's keys of"
    " access points, signatures and TLS, and S3's buckets' tags are absent from every request: conditions that ask for"
    " them judge as AWS does of a key that is not there.",
    "aws:CalledVia names CloudFormation and KMS; aws:ViaAWSService and kms:ViaService know every service.",
    "A Deny with NotPrincipal spares a role's session only where the role and the session are both listed, whatever the"
    " service; AWS's services differ in that.",
    "Sign-in to a console, passwords, MFA devices, SAML and OpenID Connect providers and certificates are not done.",
    "The AWS managed policies that delivery and machine learning stacks name are known, retired ones included;"
    " attaching any other is NoSuchEntity.",
    "ReadOnlyAccess names only the services that boatyard has.",
    "Retired AWS managed policies can still be attached, which AWS refuses.",
    "Service-linked roles can be made for a few services; boatyard's services do not need them.",
)
