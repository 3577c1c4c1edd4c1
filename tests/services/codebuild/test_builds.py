"""Builds in real containers."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from tests.server import RunningServer, unique
from tests.services.codebuild.conftest import Builds, contexts, eventually

WHOLE = """
version: 0.2
env:
  shell: bash
  parameter-store: {KEY: %(parameter)s}
phases:
  install:
    commands: ['sleep 1000 &']
  pre_build:
    on-failure: CONTINUE
    commands:
      - docker ps
  build:
    commands:
      - echo "the key is $KEY"
      - exit 3
    finally:
      - printf '\\377 finally'
  post_build:
    commands: ['echo succeeding=$CODEBUILD_BUILD_SUCCEEDING > words2']
artifacts:
  files: ['words*']
"""


def test_a_build_that_fails_in_its_commands(builds: Builds) -> None:
    parameter = "/" + unique("key")
    builds.server.client("ssm").put_parameter(Name=parameter, Value="very-secret", Type="SecureString")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("buildspec.yml", WHOLE % {"parameter": parameter})
        archive.writestr("words", "from s3\n")
    s3 = builds.server.client("s3")
    s3.put_object(Bucket=builds.bucket, Key="source.zip", Body=content.getvalue())
    place = {"type": "S3", "location": builds.bucket, "packaging": "ZIP", "name": "made.zip"}
    project = builds.project("", source={"type": "S3", "location": f"{builds.bucket}/source.zip"}, artifacts=place)
    done = builds.run(project)
    found, log = contexts(done), builds.log(done["id"])
    assert done["buildStatus"] == "FAILED"
    assert found["PRE_BUILD"][0] == "FAILED"
    assert any("this build is not privileged" in line for line in log)
    assert found["BUILD"][0] == "FAILED"
    assert found["BUILD"][1].endswith("exit status 3")
    assert found["POST_BUILD"][0] == found["UPLOAD_ARTIFACTS"][0] == "SUCCEEDED"
    assert "the key is ***" in log
    assert not any("very-secret" in line for line in log)
    assert "� finally" in log
    made = zipfile.ZipFile(io.BytesIO(s3.get_object(Bucket=builds.bucket, Key="made.zip")["Body"].read()))
    assert sorted(made.namelist()) == ["words", "words2"]
    assert made.read("words2") == b"succeeding=0\n"


def test_a_build_has_the_roles_credentials_and_a_local_cache(builds: Builds) -> None:
    spec = (
        "version: 0.2\nenv:\n  exported-variables: [WHO, CACHE]\nphases:\n  build:\n    commands:\n"
        '      - export WHO=$(python3 -c \'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])\')\n'
        "      - export CACHE=$(cat /opt/kept/it kept/here || echo cold)\n"
        "      - mkdir -p /opt/kept kept; echo -n warm > /opt/kept/it; echo -n er > kept/here\n"
        "cache:\n  paths: ['/opt/kept/**/*', kept]\n"
    )
    project = builds.project(spec, cache={"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]})
    first, second = builds.run(project), builds.run(project)
    exported = [done["exportedEnvironmentVariables"] for done in (first, second)]
    variables = [{each["name"]: each["value"] for each in each_build} for each_build in exported]
    role = builds.role.rpartition("/")[2]
    assert variables[0]["WHO"].startswith(f"arn:aws:sts::000000000000:assumed-role/{role}/AWSCodeBuild-")
    assert [each["CACHE"] for each in variables] == ["cold", "warmer"]


def test_a_running_build_is_stopped(builds: Builds, server: RunningServer) -> None:
    spec = "version: 0.2\nphases:\n  build:\n    commands: [\"trap '' TERM; echo stubborn; sleep 1000\"]\n"
    identity = builds.start(builds.project(spec))
    eventually(lambda: "stubborn" in builds.log(identity))
    builds.codebuild.stop_build(id=identity)
    done = builds.ended(identity)
    assert done["buildStatus"] == "STOPPED"
    assert contexts(done)["BUILD"][0] == "STOPPED"
    left = server.data_directory / "codebuild" / "builds" / identity.partition(":")[2]
    eventually(lambda: not left.exists())


def test_docker_in_a_privileged_build_builds_and_pushes(builds: Builds) -> None:
    repository = unique("image")
    ecr = builds.server.client("ecr")
    uri = ecr.create_repository(repositoryName=repository)["repository"]["repositoryUri"]
    spec = (
        "version: 0.2\nphases:\n  install:\n    commands:\n"
        "      - nohup dockerd &\n      - timeout 200 sh -c 'until docker info > /dev/null; do sleep 0.2; done'\n"
        "  build:\n    commands:\n"
        f"      - aws ecr get-login-password | docker login -u AWS --password-stdin {uri.partition('/')[0]}\n"
        f"      - printf 'FROM scratch\\nCOPY words /words\\n' > Dockerfile; echo hi > words\n"
        f"      - docker build -t {uri}:v1 . && docker push {uri}:v1\n"
    )
    done = builds.run(builds.project(spec, privileged=True))
    assert done["buildStatus"] == "SUCCEEDED", builds.log(done["id"])
    assert ecr.describe_images(repositoryName=repository)["imageDetails"][0]["imageTags"] == ["v1"]


def test_a_killed_server_takes_its_build_up_again(tmp_path: Path) -> None:
    own = RunningServer(tmp_path / "data").start()
    try:
        builds = Builds(own)
        spec = (
            "version: 0.2\nphases:\n  build:\n    commands:\n      - for i in 1 2 3; do echo line $i; done\n"
            "      - until test -f go; do sleep 0.1; done\n      - for i in 4 5 6; do echo line $i; done\n"
            "artifacts:\n  files: [go]\n"
        )
        place = {"type": "S3", "location": builds.bucket, "packaging": "ZIP", "name": "made.zip"}
        own.client("s3").put_bucket_versioning(Bucket=builds.bucket, VersioningConfiguration={"Status": "Enabled"})
        identity = builds.start(builds.project(spec, artifacts=place))
        eventually(lambda: "line 3" in builds.log(identity))
        own.kill()
        uuid = identity.partition(":")[2]
        (own.data_directory / "codebuild" / "builds" / uuid / "src" / "go").touch()
        own.start()
        done = builds.ended(identity)
        assert done["buildStatus"] == "SUCCEEDED"
        log = builds.log(identity)
        assert [line for line in log if line.startswith("line ")] == [f"line {number}" for number in range(1, 7)]
        assert len([line for line in log if "Entering phase BUILD" in line]) == 1
        versions = own.client("s3").list_object_versions(Bucket=builds.bucket)["Versions"]
        assert [each["Key"] for each in versions] == ["made.zip"]
    finally:
        own.discard()
