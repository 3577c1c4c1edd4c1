"""What IAM keeps: that users' secrets open with the data directory's own key."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.exceptions import InvalidTag

from boatyard.api.installation import Installation
from boatyard.api.keeping import Looked, problem
from boatyard.identity.records import ACCESS_KEYS, SERVICE_CREDENTIALS, AccessKey, ServiceCredential
from boatyard.identity.sealing import unseal


def verify(installation: Installation) -> Iterator[Looked]:
    """Opens every secret."""
    with installation.database.reading() as rx:
        keys, credentials = ACCESS_KEYS.select(rx), SERVICE_CREDENTIALS.select(rx)
    sealed: list[AccessKey | ServiceCredential] = [*keys, *credentials]
    for each in sealed:
        name = f"iam key {each.id} of {each.user}"
        try:
            unseal(installation.data_directory, each.secret, each.id)
            yield Looked(name)
        except InvalidTag:
            key = installation.data_directory / "sealing-key"
            yield problem(name, f"cannot be opened: is {key} the one it was written with?", "Bring the old file back.")
