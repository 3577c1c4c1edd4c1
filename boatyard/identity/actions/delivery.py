"""The operations of ECR, CodeCommit, CodeBuild, CodePipeline and CloudFormation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from boatyard.identity.actions import condition_keys
from boatyard.identity.actions.model import Keys, Need, Params, Table, regional
from boatyard.identity.resource_policies import find_needs

if TYPE_CHECKING:
    from boatyard.api.call import Call


def _repositories(call: Call, operation: str, params: Params) -> list[Need]:
    """ECR: each repository named, or all."""
    names = params.get("repositoryNames") or [params.get("repositoryName") or "*"]
    base = f"arn:aws:ecr:{call.region}:{call.account}:repository/"
    return [Need(f"ecr:{operation}", base + name) for name in names]


def _git_repositories(call: Call, operation: str, params: Params) -> list[Need]:
    base = f"arn:aws:codecommit:{call.region}:{call.account}:"
    return [Need(f"codecommit:{operation}", base + name) for name in params.get("repositoryNames", [])]


_WRITE_BRANCH = frozenset(
    {
        *("CreateBranch", "CreateCommit", "DeleteBranch", "DeleteFile", "PutFile", "GitPush"),
        *("MergeBranchesByFastForward", "MergeBranchesBySquash", "MergeBranchesByThreeWay"),
    }
)


def _references(call: Call, operation: str, params: Params) -> Keys:
    """CodeCommit: the branch that a change is made on, where it is known before the change."""
    branch = params.get("branchName") or params.get("targetBranch")
    if operation in _WRITE_BRANCH and isinstance(branch, str):
        return {"codecommit:references": f"refs/heads/{branch}"}
    return {}


def _projects(call: Call, operation: str, params: Params) -> list[Need]:
    """CodeBuild: the project of each name, or of each build (`project:uuid`, or the build's ARN)."""
    names = [*params.get("names", []), *params.get("ids", [])]
    names += [params[key] for key in ("projectName", "name", "id") if params.get(key)]
    found = {str(name).rpartition("/")[2].partition(":")[0]: None for name in names}
    base = f"arn:aws:codebuild:{call.region}:{call.account}:project/"
    return [Need(f"codebuild:{operation}", base + name) for name in found] or [Need(f"codebuild:{operation}")]


def _stacks(call: Call, operation: str, params: Params) -> Sequence[Need]:
    """The stack that is named; CloudFormation knows which one a change set or a physical id belongs to."""
    change_set = str(params.get("ChangeSetName", ""))
    if change_set.startswith("arn:") or (not params.get("StackName") and params.get("PhysicalResourceId")):
        return find_needs("cloudformation", call, operation, params)
    if operation in _NO_STACK or not params.get("StackName"):
        return [Need(f"cloudformation:{operation}")]
    return [Need(f"cloudformation:{operation}", _stack(call, str(params["StackName"])))]


_NO_STACK = frozenset({"ListStacks", "ListExports", "ListImports", "ValidateTemplate"})


def _stack(call: Call, name: str) -> str:
    """AWS names a stack that is given by name with a star for its id."""
    if name.startswith("arn:"):
        return name
    return f"arn:aws:cloudformation:{call.region}:{call.account}:stack/{name}/*"


_PIPELINE = regional("codepipeline", "")

TABLES = {
    "ecr": Table(
        prefix="ecr",
        tagging={"CreateRepository": "TagResource"},
        special={"DescribeRepositories": _repositories},
        resources={
            "repositoryName": regional("ecr", "repository/{repositoryName}"),
            "resourceArn": "{resourceArn}",
        },
        lists=frozenset({"GetAuthorizationToken", "DescribeRegistry"}),
        rules={"ListImageReferrers": ("ListImages",)},
    ),
    "codecommit": Table(
        prefix="codecommit",
        context=_references,
        tagging={"CreateRepository": "TagResource"},
        special={"BatchGetRepositories": _git_repositories},
        resources={
            "repositoryName": regional("codecommit", "{repositoryName}"),
            "oldName": regional("codecommit", "{oldName}"),
            "resourceArn": "{resourceArn}",
        },
    ),
    "codebuild": Table(
        prefix="codebuild",
        service_principal="codebuild.amazonaws.com",
        every=_projects,
        context=condition_keys.codebuild,
        passed_roles={
            "CreateProject": ("serviceRole", "buildBatchConfig.serviceRole"),
            "UpdateProject": ("serviceRole", "buildBatchConfig.serviceRole"),
            "StartBuild": ("serviceRoleOverride",),
        },
    ),
    "codepipeline": Table(
        prefix="codepipeline",
        service_principal="codepipeline.amazonaws.com",
        resources={
            "pipelineName": _PIPELINE + "{pipelineName}",
            "pipeline.name": _PIPELINE + "{pipeline.name}",
            "name": _PIPELINE + "{name}",
            "resourceArn": "{resourceArn}",
        },
        lists=frozenset(
            {
                *("ListPipelines", "ListActionTypes", "GetJobDetails", "PutJobSuccessResult"),
                *("PutJobFailureResult", "AcknowledgeJob", "ListWebhooks"),
            }
        ),
        rules={
            "RetryStageExecution": (f"RetryStageExecution {_PIPELINE}{{pipelineName}}/{{stageName}}",),
            "EnableStageTransition": (f"EnableStageTransition {_PIPELINE}{{pipelineName}}/{{stageName}}",),
            "DisableStageTransition": (f"DisableStageTransition {_PIPELINE}{{pipelineName}}/{{stageName}}",),
            "PutApprovalResult": (f"PutApprovalResult {_PIPELINE}{{pipelineName}}/{{stageName}}/{{actionName}}",),
            "PollForJobs": (
                f"PollForJobs {_PIPELINE}actiontype:{{actionTypeId.owner}}/{{actionTypeId.category}}/"
                "{actionTypeId.provider}/{actionTypeId.version}",
            ),
            "PutWebhook": (f"PutWebhook {_PIPELINE}webhook:{{webhook.name}}",),
        },
        tagging={"CreatePipeline": "TagResource", "PutWebhook": "TagResource"},
        passed_roles={"CreatePipeline": ("pipeline.roleArn",), "UpdatePipeline": ("pipeline.roleArn",)},
    ),
    "cloudformation": Table(
        prefix="cloudformation",
        service_principal="cloudformation.amazonaws.com",
        every=_stacks,
        context=condition_keys.cloudformation,
        passed_roles=dict.fromkeys(
            ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet", "ContinueUpdateRollback", "RollbackStack"),
            ("RoleARN",),
        ),
    ),
}
