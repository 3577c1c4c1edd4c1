"""What the operations on a multipart upload need: its parts and its end count as what it was begun as."""

from __future__ import annotations

from boatyard.api.call import Call, Params
from boatyard.identity.actions.model import Keys, Need
from boatyard.identity.resource_policies import needs_finder
from boatyard.services.s3 import records


@needs_finder("s3")
def needs(call: Call, operation: str, params: Params) -> list[Need]:
    """s3:PutObject, with the encryption and the storage class that the upload was begun with."""
    keys: Keys = {}
    with call.installation.database.reading() as rx:
        upload = records.find_upload(rx, str(params.get("UploadId")))
    if upload is not None:
        keys["s3:x-amz-storage-class"] = upload.draft.storage_class
        encryption = upload.draft.encryption
        if encryption is not None:
            keys["s3:x-amz-server-side-encryption"] = encryption.algorithm
        if encryption is not None and encryption.kms_key:
            keys["s3:x-amz-server-side-encryption-aws-kms-key-id"] = encryption.kms_key
    return [Need("s3:PutObject", f"arn:aws:s3:::{params['Bucket']}/{params['Key']}", keys)]
