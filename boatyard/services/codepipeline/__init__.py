"""AWS CodePipeline: pipelines whose executions are durable workflows over real sources, builds and functions."""

from __future__ import annotations

OPERATION_MODULES: tuple[str, ...] = ("operations", "executions", "state", "approvals", "jobs", "refusals")
WORKFLOW_MODULES: tuple[str, ...] = ("workflow", "action_workflow")

QUICK_OPERATIONS = frozenset({"GetPipeline", "GetPipelineExecution", "GetPipelineState", "ListPipelines"})

NOTES: tuple[str, ...] = (
    "Action types: CodeCommit and S3 sources, CodeBuild builds and tests, Lambda invocations, manual approvals, "
    "S3 deployments and CloudFormation deployments (CREATE_UPDATE, CHANGE_SET_REPLACE, CHANGE_SET_EXECUTE, "
    "DELETE_ONLY). Any other provider is refused when the pipeline is created.",
    "A CodeCommit or S3 source whose PollForSourceChanges is not false is started by the repository's push or the "
    "bucket's new object version itself; nothing polls. With PollForSourceChanges false it starts only through an "
    "EventBridge rule, as on AWS.",
    "A function that asks to be called again with a continuation token is called again within seconds, and at once "
    "when a SageMaker job or endpoint changes its state in between; AWS takes about half a minute.",
    "A function is invoked once for a job, and not again when it fails, unless the server was stopped meanwhile.",
    "A function that ends with an error fails its action at once with the function's message. A function that ends "
    "without reporting is waited for, 20 minutes by default (BOATYARD_LAMBDA_ACTION_TIMEOUT_SECONDS).",
    "An execution keeps the version of the pipeline that it started with until it ends.",
    "Stopping with abandon also stops the build that a CodeBuild action has started.",
    "There is no console to link to: externalExecutionId, logStreamARN and the error's message name where to look.",
    "Custom and third-party actions, webhooks, stage conditions, rollbacks and cross-region actions are refused.",
    "Triggers with git filters belong to CodeStar connections and are refused, because no connection can exist.",
)
