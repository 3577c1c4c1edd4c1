"""boto3 as `import boto3` gives it: no configuration but the environment. Arguments: a bucket's name."""

import http.client
import io
import json
import os
import sys
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError


def objects(bucket: str) -> None:
    """Transfers, streams, presigned addresses, checksums, paginators and waiters of S3."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.get_waiter("bucket_exists").wait(Bucket=bucket)
    content = os.urandom(11 * 1024 * 1024)
    seen: list[int] = []
    parts = TransferConfig(multipart_threshold=5 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024)
    s3.upload_fileobj(io.BytesIO(content), bucket, "parts", Config=parts, Callback=seen.append)
    assert sum(seen) == len(content)
    back = io.BytesIO()
    s3.download_fileobj(bucket, "parts", back)
    assert back.getvalue() == content
    head = s3.head_object(Bucket=bucket, Key="parts", ChecksumMode="ENABLED")
    assert head["ContentLength"] == len(content)
    assert "ChecksumCRC32" in head or "ChecksumCRC64NVME" in head, head
    s3.put_object(Bucket=bucket, Key="meta ü", Body=b"x" * 70_000, Metadata={"a": "b"}, ContentType="text/csv")
    answer = s3.get_object(Bucket=bucket, Key="meta ü", Range="bytes=1-10")
    assert (answer["Metadata"], answer["ContentType"], answer["Body"].read()) == ({"a": "b"}, "text/csv", b"x" * 10)
    for number in range(25):
        s3.put_object(Bucket=bucket, Key=f"many/{number:03}", Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="many/", PaginationConfig={"PageSize": 10}
    )
    assert [len(page["Contents"]) for page in pages] == [10, 10, 5]
    address = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "presigned"})
    # urllib would add a content type, which the signature of such an address forbids.
    place = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(place.netloc, timeout=60)
    connection.request("PUT", f"{place.path}?{place.query}", body=b"by address")
    response = connection.getresponse()
    assert response.status == 200, response.read()
    connection.close()
    posted = s3.generate_presigned_post(bucket, "posted")
    assert posted["url"].endswith(bucket)
    assert boto3.resource("s3").Object(bucket, "presigned").get()["Body"].read() == b"by address"
    boto3.resource("s3").Bucket(bucket).objects.all().delete()
    s3.delete_bucket(Bucket=bucket)
    s3.get_waiter("bucket_not_exists").wait(Bucket=bucket)


def refusal(error: type[ClientError], call: Callable[..., Any], **parameters: str) -> dict[str, Any]:
    """The answer of a call that must raise exactly this error of its client."""
    try:
        call(**parameters)
    except error as caught:
        return dict(caught.response)
    raise AssertionError(f"{call} was not refused")


def errors(bucket: str) -> None:
    """Errors arrive as the exceptions of their clients."""
    s3, codepipeline = boto3.client("s3"), boto3.client("codepipeline")
    missing = refusal(s3.exceptions.NoSuchBucket, s3.get_object, Bucket=f"{bucket}-no", Key="k")
    assert missing["ResponseMetadata"]["HTTPStatusCode"] == 404
    missing = refusal(codepipeline.exceptions.PipelineNotFoundException, codepipeline.get_pipeline, name="nothing")
    assert "nothing" in missing["Error"]["Message"]
    wrong = boto3.client("sts", aws_secret_access_key="wrong", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"])
    assert refusal(ClientError, wrong.get_caller_identity)["Error"]["Code"] == "SignatureDoesNotMatch"
    assert boto3.client("sts").get_caller_identity()["Arn"].endswith(":root")


def threads() -> None:
    """One client in many threads, and every protocol: query, json, rest-json, rest-xml, cbor."""
    calls: list[Callable[[], Any]] = [
        boto3.client("iam").list_roles,
        boto3.client("codecommit").list_repositories,
        boto3.client("lambda").list_functions,
        boto3.client("s3").list_buckets,
        boto3.client("cloudwatch").list_metrics,
        boto3.client("sagemaker").list_training_jobs,
        boto3.client("logs").describe_log_groups,
        boto3.client("ecr").describe_repositories,
        boto3.client("kms").list_keys,
        boto3.client("sns").list_topics,
        boto3.client("ssm").describe_parameters,
        boto3.client("events").list_rules,
    ]
    results: list[int] = []

    def work() -> None:
        results.extend(call()["ResponseMetadata"]["HTTPStatusCode"] for call in calls)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == [200] * 4 * len(calls), results


objects(sys.argv[1])
errors(sys.argv[1])
threads()
print(json.dumps({"done": True, "boto3": boto3.__version__}))
