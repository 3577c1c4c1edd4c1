"""REST with XML bodies: S3's protocol, with S3's own shape of errors (Smithy's restXml with noErrorWrapping)."""

from __future__ import annotations

from typing import Any

from boatyard.gateway.messages import HttpRequest, HttpResponse
from boatyard.gateway.protocols import xml
from boatyard.gateway.protocols.base import Fault
from boatyard.gateway.protocols.rest import RestProtocol
from boatyard.gateway.protocols.values import Malformed

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

# botocore's model leaves the root elements out, because its parser takes any; other clients look at the name.
_ROOTS = {
    "ListBuckets": "ListAllMyBucketsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListParts": "ListPartsResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetObjectTagging": "Tagging",
    "GetBucketTagging": "Tagging",
    "GetBucketAcl": "AccessControlPolicy",
    "GetObjectAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetObjectAttributes": "GetObjectAttributesResponse",
}
_ECHOING = ("CreateMultipartUpload", "CompleteMultipartUpload", "ListParts")
"""Their answers repeat the key; they must be readable where it has characters that XML cannot hold."""
_WITH_CONTENT = frozenset({"GetObject", "HeadObject"})


class RestXmlProtocol(RestProtocol):
    """The rest-xml protocol."""

    name = "rest-xml"

    def parse_body(self, shape: Any, request: HttpRequest, *, payload: Any = None) -> Any:
        """The XML document of the body; its root must be the one that the model names."""
        if not request.body.strip():
            return {}
        root = xml.decode(request.body)
        target = payload if payload is not None else shape
        wanted = target.serialization.get("name")
        if wanted and xml.local_name(root) != wanted:
            raise Malformed("The XML you provided was not well-formed or did not validate against our published schema")
        return xml.parse(target, [root], "iso8601")

    def form_body(self, shape: Any, value: Any, operation: Any, *, payload: bool) -> bytes:
        """The XML document of an output, its root as S3 names it."""
        writer = xml.Writer(milliseconds=True, exact=operation.name not in _ECHOING)
        writer.parts.append(xml.DECLARATION)
        if operation.name == "GetBucketLocation":
            constraint = xml.text(value.get("LocationConstraint") or "")
            writer.parts.append(f'<LocationConstraint xmlns="{NAMESPACE}">{constraint}</LocationConstraint>')
            return writer.result()
        default = _ROOTS.get(operation.name, f"{operation.name}Result")
        root = shape.serialization.get("name", shape.name if payload else default)
        writer.structure(shape, root, value, attributes=f' xmlns="{NAMESPACE}"')
        return writer.result()

    def content_type(self) -> str:
        """XML."""
        return "application/xml"

    def answer(self, output: dict[str, Any], operation: Any, request_id: str) -> HttpResponse:
        """The output; a part of an object answers 206."""
        response = super().answer(output, operation, request_id)
        if operation.name in _WITH_CONTENT and output.get("ContentRange"):
            response.status = 206
        return response

    def refuse(self, fault: Fault, service: Any, request_id: str, *, resource: str = "") -> HttpResponse:
        """<Error><Code/><Message/>...<RequestId/><HostId/></Error>; 304 has no body."""
        if fault.status == 304:
            return HttpResponse(304, list(fault.headers), error_code=fault.code)
        writer = xml.Writer(exact=False)
        writer.parts.append(f"{xml.DECLARATION}<Error>")
        writer.element("Code", fault.code)
        writer.element("Message", fault.message)
        for name, value in fault.members.items():
            writer.element(name, str(value).lower() if isinstance(value, bool) else xml.readable(str(value)))
        if resource and not {"Key", "BucketName", "Resource"} & fault.members.keys():
            writer.element("Resource", xml.readable(resource))
        writer.element("RequestId", request_id)
        writer.element("HostId", host_id(request_id))
        writer.parts.append("</Error>")
        headers = [("Content-Type", self.content_type()), *fault.headers]
        return HttpResponse(fault.status, headers, writer.result(), error_code=fault.code)


def host_id(request_id: str) -> str:
    """S3's second request id (x-amz-id-2), made from the first."""
    return f"boatyard-{request_id}"
