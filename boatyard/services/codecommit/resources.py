"""CloudFormation's AWS::CodeCommit::Repository."""

import io
from typing import Any

from boatyard.api import zips
from boatyard.api.bodies import chunks
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type
from boatyard.api.unpacking import BadArchive, Limits
from boatyard.services.codecommit.changes import check_layout, write_tree
from boatyard.services.codecommit.checks import clean_path, find_repository
from boatyard.services.codecommit.git import NO_COMMIT, TreeEntry
from boatyard.services.codecommit.operations import metadata
from boatyard.services.codecommit.references import changing, repository_git

ARCHIVE_LIMIT = 20 * 1024 * 1024


@resource_type("AWS::CodeCommit::Repository")
class CodeCommitRepository(ResourceType):
    """A repository, at creation filled from a zip in S3 where Code says so."""

    properties = {
        "RepositoryName": PropertyRule(str, required=True),
        "RepositoryDescription": PropertyRule(str),
        "Code": PropertyRule(
            dict,
            members={
                "BranchName": PropertyRule(str),
                "S3": PropertyRule(
                    dict,
                    required=True,
                    members={
                        "Bucket": PropertyRule(str, required=True),
                        "Key": PropertyRule(str, required=True),
                        "ObjectVersion": PropertyRule(str),
                    },
                ),
            },
        ),
        "Tags": PropertyRule(list),
        "Triggers": PropertyRule(list),
    }
    attributes = frozenset({"Arn", "CloneUrlHttp", "Name"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create the repository, its first commit and its triggers."""
        properties = request.properties
        name = properties["RepositoryName"]
        client = call.client("codecommit")
        client.create_repository(
            repositoryName=name,
            repositoryDescription=properties.get("RepositoryDescription"),
            tags=_tags(request),
        )
        try:
            if "Code" in properties:
                _fill(call, name, properties["Code"])
            if properties.get("Triggers"):
                client.put_repository_triggers(repositoryName=name, triggers=_triggers(properties))
        except ApiError:
            client.delete_repository(repositoryName=name)
            raise
        return _state(call, name)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Rename, describe, tag, and set the triggers anew; Code counts only at creation, as on AWS."""
        client = call.client("codecommit")
        old, name = request.previous["RepositoryName"], request.properties["RepositoryName"]
        if old != name:
            client.update_repository_name(oldName=old, newName=name)
        client.update_repository_description(
            repositoryName=name, repositoryDescription=request.properties.get("RepositoryDescription") or ""
        )
        arn = client.get_repository(repositoryName=name)["repositoryMetadata"]["Arn"]
        wanted = _tags(request)
        there = client.list_tags_for_resource(resourceArn=arn)["tags"]
        if gone := [key for key in there if key not in wanted]:
            client.untag_resource(resourceArn=arn, tagKeys=gone)
        if wanted:
            client.tag_resource(resourceArn=arn, tags=wanted)
        if request.properties.get("Triggers") or request.previous.get("Triggers"):
            client.put_repository_triggers(repositoryName=name, triggers=_triggers(request.properties))
        if "Code" in request.properties and request.previous == request.properties:
            # A creation that a crash has cut off is taken up: nobody can have pushed to what is empty.
            _fill_empty(call, name, request.properties["Code"])
        return _state(call, name)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the repository with all that was pushed to it, as CloudFormation does."""
        call.client("codecommit").delete_repository(repositoryName=request.properties["RepositoryName"])


def _state(call: Call, name: str) -> ResourceState:
    described = metadata(call, find_repository(call, name))
    return ResourceState(
        described["repositoryId"],
        {"Arn": described["Arn"], "CloneUrlHttp": described["cloneUrlHttp"], "Name": name},
    )


def _tags(request: ResourceRequest) -> dict[str, str]:
    own = {tag["Key"]: str(tag.get("Value", "")) for tag in request.properties.get("Tags") or []}
    return {**request.tags, **own}


def _triggers(properties: dict[str, Any]) -> list[dict[str, Any]]:
    names = {"Name": "name", "DestinationArn": "destinationArn", "CustomData": "customData"}
    names |= {"Branches": "branches", "Events": "events"}
    return [
        {"branches": []} | {names[key]: value for key, value in trigger.items()}
        for trigger in properties.get("Triggers") or []
    ]


def _fill_empty(call: Call, name: str, code: dict[str, Any]) -> None:
    if not repository_git(call.installation, find_repository(call, name)).references():
        _fill(call, name, code)


def _fill(call: Call, name: str, code: dict[str, Any]) -> None:
    """The first commit, from a zip of at most 20 MB in S3."""
    place = code["S3"]
    found = call.client("s3").get_object(Bucket=place["Bucket"], Key=place["Key"], VersionId=place.get("ObjectVersion"))
    content = io.BytesIO()
    for piece in chunks(found["Body"]):
        content.write(piece)
        if content.tell() > ARCHIVE_LIMIT:
            raise ApiError("ValidationException", f"{place['Key']} is larger than {ARCHIVE_LIMIT} bytes", status=400)
    repository = find_repository(call, name)
    git = repository_git(call.installation, repository)
    entries = {}
    try:
        with zips.opened(content, Limits(10 * ARCHIVE_LIMIT)) as archive:
            for item in archive.entries:
                if not zips.is_folder(item):
                    path = clean_path(item.filename)
                    mode = "100755" if item.external_attr >> 16 & 0o111 else "100644"
                    blob = git.write_blob(b"".join(archive.pieces(item)))
                    entries[path] = TreeEntry(mode, "blob", blob, path)
    except BadArchive as error:
        raise ApiError("ValidationException", f"{place['Key']} cannot be unpacked: {error}", status=400) from error
    check_layout(entries)
    commit = git.commit_tree(write_tree(git, entries), [], "Initial commit by AWS CloudFormation", "CloudFormation", "")
    branch = code.get("BranchName") or "main"
    with changing(call.installation, repository, call.principal.arn):
        git.update_reference(f"refs/heads/{branch}", commit, NO_COMMIT)
