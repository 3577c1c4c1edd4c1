"""What AWS's Service Authorization Reference says of every operation that boatyard does.

By service: which resource types (and, where its name differs from the operation's, which actions) its operations need.
`*` are actions that know no resource; the empty text are operations that need no permission.
"""

from __future__ import annotations

HERE = "us-east-1:000000000000"
FORMATS: dict[str, str] = {
    "cloudformation:stack": f"arn:aws:cloudformation:{HERE}:stack/+/+",
    "cloudwatch:alarm": f"arn:aws:cloudwatch:{HERE}:alarm:+",
    "codebuild:project": f"arn:aws:codebuild:{HERE}:project/+",
    "codecommit:repository": f"arn:aws:codecommit:{HERE}:+",
    "codepipeline:action": f"arn:aws:codepipeline:{HERE}:+/+/+",
    "codepipeline:actiontype": f"arn:aws:codepipeline:{HERE}:actiontype:+/+/+/+",
    "codepipeline:pipeline": f"arn:aws:codepipeline:{HERE}:+",
    "codepipeline:stage": f"arn:aws:codepipeline:{HERE}:+/+",
    "codepipeline:webhook": f"arn:aws:codepipeline:{HERE}:webhook:+",
    "ecr:repository": f"arn:aws:ecr:{HERE}:repository/+",
    "events:event-bus": f"arn:aws:events:{HERE}:event-bus/+",
    "events:rule": f"arn:aws:events:{HERE}:rule/+",
    "iam:group": "arn:aws:iam::000000000000:group/+",
    "iam:instance-profile": "arn:aws:iam::000000000000:instance-profile/+",
    "iam:policy": "arn:aws:iam::000000000000:policy/+",
    "iam:role": "arn:aws:iam::000000000000:role/+",
    "iam:user": "arn:aws:iam::000000000000:user/+",
    "kms:alias": f"arn:aws:kms:{HERE}:alias/+",
    "kms:key": f"arn:aws:kms:{HERE}:key/+",
    "lambda:function": f"arn:aws:lambda:{HERE}:function:+",
    "lambda:layer": f"arn:aws:lambda:{HERE}:layer:+",
    "lambda:layerVersion": f"arn:aws:lambda:{HERE}:layer:+:+",
    "logs:log-group": f"arn:aws:logs:{HERE}:log-group:+",
    "logs:log-stream": f"arn:aws:logs:{HERE}:log-group:+:log-stream:+",
    "s3:bucket": "arn:aws:s3:::+",
    "s3:object": "arn:aws:s3:::+/+",
    "sagemaker:code-repository": f"arn:aws:sagemaker:{HERE}:code-repository/+",
    "sagemaker:endpoint": f"arn:aws:sagemaker:{HERE}:endpoint/+",
    "sagemaker:endpoint-config": f"arn:aws:sagemaker:{HERE}:endpoint-config/+",
    "sagemaker:model": f"arn:aws:sagemaker:{HERE}:model/+",
    "sagemaker:notebook-instance": f"arn:aws:sagemaker:{HERE}:notebook-instance/+",
    "sagemaker:notebook-instance-lifecycle-config": f"arn:aws:sagemaker:{HERE}:notebook-instance-lifecycle-config/+",
    "sagemaker:training-job": f"arn:aws:sagemaker:{HERE}:training-job/+",
    "sns:topic": f"arn:aws:sns:{HERE}:+",
    "ssm:parameter": f"arn:aws:ssm:{HERE}:parameter/+",
    "sts:federated-user": "arn:aws:sts::000000000000:federated-user/+",
}
"""The ARNs of resource types; `+` stands for a name."""

OPERATIONS: dict[str, dict[str, str]] = {
    "s3": {
        "object": (
            "AbortMultipartUpload DeleteObject DeleteObjectTagging GetObject GetObjectAcl GetObjectLegalHold "
            "GetObjectRetention GetObjectTagging PutObject PutObjectAcl PutObjectTagging"
        ),
        "s3:PutObject object": "CompleteMultipartUpload CreateMultipartUpload UploadPart",
        "s3:GetObject object + s3:PutObject object": "CopyObject UploadPartCopy",
        "bucket": (
            "CreateBucket DeleteBucket DeleteBucketPolicy DeleteBucketWebsite GetBucketAcl GetBucketLocation "
            "GetBucketLogging GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus "
            "GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite PutBucketAcl "
            "PutBucketLogging PutBucketOwnershipControls PutBucketPolicy PutBucketRequestPayment "
            "PutBucketTagging PutBucketVersioning"
        ),
        "s3:PutBucketCORS bucket": "DeleteBucketCors PutBucketCors",
        "s3:PutEncryptionConfiguration bucket": "DeleteBucketEncryption PutBucketEncryption",
        "s3:PutLifecycleConfiguration bucket": "DeleteBucketLifecycle PutBucketLifecycleConfiguration",
        "s3:PutBucketOwnershipControls bucket": "DeleteBucketOwnershipControls",
        "s3:PutReplicationConfiguration bucket": "DeleteBucketReplication",
        "s3:PutBucketTagging bucket": "DeleteBucketTagging",
        "s3:DeleteObject object": "DeleteObjects",
        "s3:PutBucketPublicAccessBlock bucket": "DeletePublicAccessBlock PutPublicAccessBlock",
        "s3:GetAccelerateConfiguration bucket": "GetBucketAccelerateConfiguration",
        "s3:GetAnalyticsConfiguration bucket": ("GetBucketAnalyticsConfiguration ListBucketAnalyticsConfigurations"),
        "s3:GetBucketCORS bucket": "GetBucketCors",
        "s3:GetEncryptionConfiguration bucket": "GetBucketEncryption",
        "s3:GetIntelligentTieringConfiguration bucket": (
            "GetBucketIntelligentTieringConfiguration ListBucketIntelligentTieringConfigurations"
        ),
        "s3:GetInventoryConfiguration bucket": ("GetBucketInventoryConfiguration ListBucketInventoryConfigurations"),
        "s3:GetLifecycleConfiguration bucket": "GetBucketLifecycleConfiguration",
        "s3:GetMetricsConfiguration bucket": "GetBucketMetricsConfiguration ListBucketMetricsConfigurations",
        "s3:GetBucketNotification bucket": "GetBucketNotificationConfiguration",
        "s3:GetReplicationConfiguration bucket": "GetBucketReplication",
        "s3:GetObject object + object": "GetObjectAttributes",
        "s3:GetBucketObjectLockConfiguration bucket": "GetObjectLockConfiguration",
        "s3:GetBucketPublicAccessBlock bucket": "GetPublicAccessBlock",
        "s3:ListBucket bucket": "HeadBucket ListObjects ListObjectsV2",
        "s3:GetObject object": "HeadObject",
        "s3:ListAllMyBuckets *": "ListBuckets",
        "s3:ListBucketMultipartUploads bucket": "ListMultipartUploads",
        "s3:ListBucketVersions bucket": "ListObjectVersions",
        "s3:ListMultipartUploadParts object": "ListParts",
        "s3:PutAccelerateConfiguration bucket": "PutBucketAccelerateConfiguration",
        "s3:PutBucketNotification bucket": "PutBucketNotificationConfiguration",
    },
    "kms": {
        "key": (
            "CancelKeyDeletion CreateGrant Decrypt DescribeKey DisableKey DisableKeyRotation EnableKey "
            "EnableKeyRotation Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GetKeyPolicy "
            "GetKeyRotationStatus ListGrants ListKeyPolicies ListKeyRotations ListResourceTags PutKeyPolicy "
            "RetireGrant RevokeGrant RotateKeyOnDemand ScheduleKeyDeletion TagResource UntagResource "
            "UpdateKeyDescription"
        ),
        "alias + key": "CreateAlias DeleteAlias UpdateAlias",
        "*": "CreateKey GenerateRandom ListAliases ListKeys ListRetirableGrants",
        "kms:ReEncryptFrom key + kms:ReEncryptTo key": "ReEncrypt",
    },
    "iam": {
        "instance-profile + iam:PassRole role": "AddRoleToInstanceProfile",
        "group": (
            "AddUserToGroup AttachGroupPolicy CreateGroup DeleteGroup DeleteGroupPolicy DetachGroupPolicy "
            "GetGroup GetGroupPolicy ListAttachedGroupPolicies ListGroupPolicies PutGroupPolicy "
            "RemoveUserFromGroup"
        ),
        "role": (
            "AttachRolePolicy CreateRole CreateServiceLinkedRole DeleteRole DeleteRolePermissionsBoundary "
            "DeleteRolePolicy DeleteServiceLinkedRole DetachRolePolicy GetRole GetRolePolicy "
            "GetServiceLinkedRoleDeletionStatus ListAttachedRolePolicies ListInstanceProfilesForRole "
            "ListRolePolicies ListRoleTags PutRolePermissionsBoundary PutRolePolicy SimulatePrincipalPolicy "
            "TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription"
        ),
        "user": (
            "AttachUserPolicy CreateAccessKey CreateServiceSpecificCredential CreateUser DeleteAccessKey "
            "DeleteServiceSpecificCredential DeleteUser DeleteUserPermissionsBoundary DeleteUserPolicy "
            "DetachUserPolicy GetUser GetUserPolicy ListAccessKeys ListAttachedUserPolicies ListGroupsForUser "
            "ListServiceSpecificCredentials ListUserPolicies ListUserTags PutUserPermissionsBoundary "
            "PutUserPolicy ResetServiceSpecificCredential TagUser UntagUser UpdateAccessKey "
            "UpdateServiceSpecificCredential UpdateUser"
        ),
        "instance-profile": (
            "CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile ListInstanceProfileTags "
            "RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile"
        ),
        "policy": (
            "CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion "
            "ListEntitiesForPolicy ListPolicyTags ListPolicyVersions SetDefaultPolicyVersion TagPolicy "
            "UntagPolicy"
        ),
        "*": "ListGroups ListInstanceProfiles ListPolicies ListRoles ListUsers SimulateCustomPolicy",
    },
    "sts": {
        "": "AssumeRole GetCallerIdentity GetSessionToken",
        "*": "GetAccessKeyInfo",
        "federated-user": "GetFederationToken",
    },
    "ssm": {
        "parameter": (
            "AddTagsToResource DeleteParameter DeleteParameters GetParameter GetParameterHistory GetParameters "
            "GetParametersByPath LabelParameterVersion ListTagsForResource PutParameter RemoveTagsFromResource"
        ),
        "*": "DescribeParameters",
    },
    "logs": {
        "log-group": (
            "CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DescribeLogStreams FilterLogEvents "
            "ListTagsForResource ListTagsLogGroup PutRetentionPolicy TagLogGroup TagResource UntagLogGroup "
            "UntagResource"
        ),
        "log-stream": "CreateLogStream DeleteLogStream GetLogEvents PutLogEvents",
        "*": "DescribeLogGroups",
    },
    "cloudwatch": {
        "alarm": (
            "DeleteAlarms DescribeAlarmHistory DescribeAlarms DisableAlarmActions EnableAlarmActions "
            "ListTagsForResource PutMetricAlarm SetAlarmState TagResource UntagResource"
        ),
        "*": "DescribeAlarmsForMetric GetMetricData GetMetricStatistics ListMetrics PutMetricData",
    },
    "events": {
        "event-bus": "CreateEventBus DeleteEventBus DescribeEventBus PutEvents UpdateEventBus",
        "rule": (
            "DeleteRule DescribeRule DisableRule EnableRule ListRules ListTagsForResource ListTargetsByRule "
            "PutRule PutTargets RemoveTargets TagResource UntagResource"
        ),
        "*": "ListEventBuses ListRuleNamesByTarget TestEventPattern",
    },
    "sns": {
        "topic": (
            "AddPermission ConfirmSubscription CreateTopic DeleteTopic GetSubscriptionAttributes "
            "GetTopicAttributes ListSubscriptionsByTopic ListTagsForResource Publish RemovePermission "
            "SetSubscriptionAttributes SetTopicAttributes Subscribe TagResource Unsubscribe UntagResource"
        ),
        "*": "ListSubscriptions ListTopics",
        "sns:Publish topic": "PublishBatch",
    },
    "ecr": {
        "repository": (
            "BatchCheckLayerAvailability BatchDeleteImage BatchGetImage CompleteLayerUpload CreateRepository "
            "DeleteLifecyclePolicy DeleteRepository DeleteRepositoryPolicy DescribeImages DescribeRepositories "
            "GetDownloadUrlForLayer GetLifecyclePolicy GetLifecyclePolicyPreview GetRepositoryPolicy "
            "InitiateLayerUpload ListImages ListTagsForResource PutImage PutImageScanningConfiguration "
            "PutImageTagMutability PutLifecyclePolicy SetRepositoryPolicy StartLifecyclePolicyPreview "
            "TagResource UntagResource UploadLayerPart"
        ),
        "*": "DescribeRegistry GetAuthorizationToken",
        "ecr:ListImages repository": "ListImageReferrers",
    },
    "codecommit": {
        "repository": (
            "BatchGetCommits BatchGetRepositories CreateBranch CreateCommit CreateRepository DeleteBranch "
            "DeleteFile DeleteRepository GetBlob GetBranch GetCommit GetDifferences GetFile GetFolder "
            "GetMergeCommit GetMergeConflicts GetMergeOptions GetRepository GetRepositoryTriggers ListBranches "
            "ListFileCommitHistory ListTagsForResource MergeBranchesByFastForward MergeBranchesBySquash "
            "MergeBranchesByThreeWay PutFile PutRepositoryTriggers TagResource TestRepositoryTriggers "
            "UntagResource UpdateDefaultBranch UpdateRepositoryDescription UpdateRepositoryName"
        ),
        "*": "ListRepositories",
    },
    "codebuild": {
        "project": (
            "BatchDeleteBuilds BatchGetBuilds BatchGetProjects DeleteProject InvalidateProjectCache "
            "ListBuildsForProject RetryBuild StartBuild StopBuild UpdateProject"
        ),
        "project + iam:PassRole role": "CreateProject",
        "*": "ListBuilds ListCuratedEnvironmentImages ListProjects",
    },
    "codepipeline": {
        "pipeline + iam:PassRole role": "CreatePipeline UpdatePipeline",
        "pipeline": (
            "DeletePipeline GetPipeline GetPipelineExecution GetPipelineState ListActionExecutions "
            "ListPipelineExecutions ListTagsForResource StartPipelineExecution StopPipelineExecution "
            "TagResource UntagResource"
        ),
        "stage": "DisableStageTransition EnableStageTransition RetryStageExecution",
        "*": "GetJobDetails ListActionTypes ListPipelines PutJobFailureResult PutJobSuccessResult",
        "actiontype": "PollForJobs",
        "action": "PutApprovalResult",
        "webhook": "PutWebhook",
    },
    "lambda": {
        "function": (
            "AddPermission CreateAlias DeleteAlias DeleteFunction DeleteFunctionConcurrency "
            "DeleteFunctionEventInvokeConfig GetAlias GetFunction GetFunctionConcurrency "
            "GetFunctionConfiguration GetFunctionEventInvokeConfig GetPolicy ListAliases "
            "ListFunctionEventInvokeConfigs ListTags ListVersionsByFunction PublishVersion "
            "PutFunctionConcurrency PutFunctionEventInvokeConfig RemovePermission TagResource UntagResource "
            "UpdateAlias UpdateFunctionCode UpdateFunctionConfiguration UpdateFunctionEventInvokeConfig"
        ),
        "function + iam:PassRole role": "CreateFunction",
        "layerVersion": "DeleteLayerVersion GetLayerVersion",
        "*": "GetAccountSettings ListFunctions ListLayerVersions ListLayers",
        "lambda:GetLayerVersion layerVersion": "GetLayerVersionByArn",
        "lambda:InvokeFunction function": "Invoke InvokeAsync",
        "layer": "PublishLayerVersion",
    },
    "sagemaker": {
        "model": "AddTags CreateModel DeleteModel DeleteTags DescribeModel ListTags",
        "code-repository": ("CreateCodeRepository DeleteCodeRepository DescribeCodeRepository UpdateCodeRepository"),
        "endpoint + endpoint-config": "CreateEndpoint UpdateEndpoint",
        "endpoint-config": "CreateEndpointConfig DeleteEndpointConfig DescribeEndpointConfig",
        "notebook-instance + iam:PassRole role": "CreateNotebookInstance",
        "notebook-instance-lifecycle-config": (
            "CreateNotebookInstanceLifecycleConfig DeleteNotebookInstanceLifecycleConfig "
            "DescribeNotebookInstanceLifecycleConfig UpdateNotebookInstanceLifecycleConfig"
        ),
        "notebook-instance": (
            "CreatePresignedNotebookInstanceUrl DeleteNotebookInstance DescribeNotebookInstance "
            "StartNotebookInstance StopNotebookInstance UpdateNotebookInstance"
        ),
        "training-job + iam:PassRole role": "CreateTrainingJob",
        "endpoint": "DeleteEndpoint DescribeEndpoint UpdateEndpointWeightsAndCapacities",
        "training-job": "DescribeTrainingJob StopTrainingJob",
        "*": (
            "ListCodeRepositories ListEndpointConfigs ListEndpoints ListModels "
            "ListNotebookInstanceLifecycleConfigs ListNotebookInstances ListTrainingJobs"
        ),
    },
    "sagemaker-runtime": {
        "endpoint": "InvokeEndpoint",
    },
    "cloudformation": {
        "stack": (
            "CancelUpdateStack ContinueUpdateRollback CreateChangeSet CreateStack DeleteChangeSet DeleteStack "
            "DescribeChangeSet DescribeStackEvents DescribeStackResource DescribeStackResources DescribeStacks "
            "ExecuteChangeSet GetTemplate GetTemplateSummary ListChangeSets ListStackResources RollbackStack "
            "UpdateStack UpdateTerminationProtection"
        ),
        "*": "ListExports ListImports ListStacks ValidateTemplate",
    },
}
