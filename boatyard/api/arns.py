"""Amazon Resource Names: making, taking apart and checking them."""

from __future__ import annotations

from dataclasses import dataclass

GLOBAL_SERVICES = frozenset({"iam", "s3", "sts"})


@dataclass(frozen=True, slots=True)
class Arn:
    """The six parts of an ARN (AWS: "Identify AWS resources with Amazon Resource Names")."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Take an ARN apart; ValueError when it is not one."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[2] or not parts[5]:
            raise ValueError(f"not an ARN: {text!r}")
        return cls(parts[1], parts[2], parts[3], parts[4], parts[5])

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @property
    def name(self) -> str:
        """What stands after the resource's last slash or colon."""
        return self.resource.replace(":", "/").rsplit("/", 1)[-1]


def arn(service: str, resource: str, account: str, region: str) -> str:
    """The ARN of a resource in the `aws` partition; S3's buckets have neither account nor region."""
    if service == "s3":
        return f"arn:aws:s3:::{resource}"
    if service in GLOBAL_SERVICES:
        return f"arn:aws:{service}::{account}:{resource}"
    return f"arn:aws:{service}:{region}:{account}:{resource}"
