"""What KMS keeps: that the material of its keys opens with the data directory's own key."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.exceptions import InvalidTag

from boatyard.api.installation import Installation
from boatyard.api.keeping import Looked, problem
from boatyard.identity.sealing import unseal
from boatyard.services.kms.records import KEYS


def verify(installation: Installation) -> Iterator[Looked]:
    """Opens every generation of every key."""
    with installation.database.reading() as rx:
        keys = KEYS.select(rx)
    for key in keys:
        try:
            for sealed in key.material:
                unseal(installation.data_directory, sealed, f"kms:{key.id}")
            yield Looked(f"kms {key.arn}")
        except InvalidTag:
            path = installation.data_directory / "sealing-key"
            text = f"cannot be opened, nor what it encrypts: is {path} the one it was written with?"
            yield problem(f"kms {key.arn}", text, "Bring the old file back.")
