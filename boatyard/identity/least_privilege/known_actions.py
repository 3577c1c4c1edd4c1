"""Which actions a wildcard grants: those of the services that boatyard has, as AWS's service models name them."""

from __future__ import annotations

from functools import cache

from boatyard.api import models
from boatyard.identity.actions import table_of
from boatyard.identity.patterns import matches
from boatyard.services import PACKAGES

_OF_ANOTHER_NAME = frozenset(
    {
        *("s3:HeadObject", "s3:CopyObject", "s3:UploadPartCopy", "s3:DeleteObjects", "s3:SelectObjectContent"),
        *("lambda:Invoke", "lambda:InvokeAsync", "lambda:InvokeWithResponseStream", "kms:ReEncrypt"),
        *("sagemaker:InvokeEndpointWithResponseStream", "sns:PublishBatch", "sts:GetCallerIdentity"),
    }
)
"""Operations whose permission is another action (AWS, Service Authorization Reference)."""
_WITHOUT_OPERATION = (
    *("s3:GetObjectVersion", "s3:DeleteObjectVersion", "s3:GetObjectVersionTagging", "s3:PutObjectVersionTagging"),
    *("s3:DeleteObjectVersionTagging", "s3:GetObjectVersionAttributes", "s3:GetObjectVersionAcl"),
    *("lambda:InvokeFunction", "iam:PassRole", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
    *("codecommit:GitPull", "codecommit:GitPush", "codecommit:UploadArchive", "codecommit:CancelUploadArchive"),
    *("codecommit:GetUploadArchiveStatus", "sts:TagSession", "sts:SetSourceIdentity"),
)


@cache
def known_actions() -> dict[str, str]:
    """Every action of the services, by its name in lower case."""
    found = set(_WITHOUT_OPERATION)
    for service in PACKAGES:
        table = table_of(service)
        for operation in models.service_model(service).operation_names:
            named = [rule.partition(" ")[0] for rule in table.rules.get(operation, (operation,))]
            found |= {name if ":" in name else f"{table.prefix}:{name}" for name in named}
    return {name.lower(): name for name in sorted(found - _OF_ANOTHER_NAME)}


@cache
def granted_by(pattern: str) -> tuple[str, ...]:
    """The known actions that an action of a policy means; itself alone where it is no pattern."""
    if not set("*?") & set(pattern):
        return (known_actions().get(pattern.lower(), pattern),)
    return tuple(name for folded, name in known_actions().items() if matches(pattern.lower(), folded))
