"""SageMaker: training jobs, models, endpoints and notebook instances, each a container that really runs."""

OPERATION_MODULES = (
    "operations",
    "training_jobs.operations",
    "models.operations",
    "endpoint_configs.operations",
    "endpoints.operations",
    "notebook_instances.operations",
    "notebook_instances.lifecycle_configs",
    "notebook_instances.code_repositories",
)
RECORD_MODULES = (
    "records",
    "training_jobs.records",
    "models.records",
    "endpoint_configs.records",
    "endpoints.records",
    "notebook_instances.records",
)
WORKFLOW_MODULES = ("training_jobs.workflow", "endpoints.workflow", "notebook_instances.workflow")
RESOURCE_MODULES = ("resources", "notebook_instances.resources")

QUICK_OPERATIONS = frozenset(
    {
        "DescribeCodeRepository",
        "DescribeEndpoint",
        "DescribeEndpointConfig",
        "DescribeModel",
        "DescribeNotebookInstance",
        "DescribeTrainingJob",
        "ListTags",
    }
)

NOTES = (
    "Images come from Amazon ECR; built-in algorithms, marketplace algorithms and model packages are refused.",
    "Training jobs run on one instance (InstanceCount 1). Input mode Pipe, VpcConfig, managed spot training, warm "
    "pools, sharded channels, RecordIO, debugger rules, experiments and retries are refused.",
    "A DebugHookConfig is given to the container, and what it leaves in /opt/ml/output/tensors is uploaded at its end. "
    "There is no profiler: a ProfilerConfig collects nothing, and the job's log says so.",
    "A channel that asks for FastFile is given as File, and the job's log says so.",
    "A channel with CompressionType Gzip has its objects unpacked, without the ending .gz.",
    "An instance type sets the container's processors and memory, lowered to what the machine has; the log says so. "
    "GPU and accelerator types are refused. VolumeSizeInGB is kept and not enforced.",
    "A training job's logs, metrics, input and output go through its execution role, as on AWS.",
    "An endpoint's container has 240 seconds to answer /ping unless ContainerStartupHealthCheckTimeoutInSeconds says "
    "otherwise; one that ends before fails the endpoint at once, with the end of its log in FailureReason.",
    "A failed UpdateEndpoint leaves the endpoint InService with its former configuration and a FailureReason.",
    "An endpoint can be deleted in any status. A variant has at most 10 containers.",
    "Endpoints move all traffic at once; canary, linear and rolling updates, automatic rollback, data capture, "
    "serverless and asynchronous inference, shadow variants, explainers, multi-model containers and inference "
    "pipelines are refused.",
    "Notebook instances have one environment, whatever PlatformIdentifier says: JupyterLab, Python 3, the SageMaker "
    "SDK, pandas, scikit-learn. They have no instance metadata service; SubnetId, SecurityGroupIds, accelerators and "
    "DirectInternetAccess Disabled are refused. KmsKeyId and VolumeKmsKeyId are kept; volumes are folders of this "
    "machine and not encrypted.",
    "CreatePresignedNotebookInstanceUrl answers an address that this machine reaches, which opens until the instance "
    "is deleted. Code repositories with a secret are refused.",
    "Model packages, pipelines, processing, tuning and transform jobs answer 501.",
)
