"""CloudFormation: templates become stacks of resources that other services own."""

OPERATION_MODULES = (
    "operations.stacks",
    "operations.rollbacks",
    "operations.reading",
    "operations.templates",
    "operations.change_sets",
)
RECORD_MODULES = ("records", "needs")

QUICK_OPERATIONS = frozenset({"DescribeStackResource", "DescribeStackResources", "DescribeStacks"})

NOTES: tuple[str, ...] = (
    "Every resource type, property and attribute that is not supported is named in one ValidationError before anything "
    "is created; AWS finds many of them only while it creates.",
    "Exports that a template imports must exist when the stack or change set is submitted.",
    "A resource that spells out another's name instead of referring to it is created after that one, as if DependsOn "
    "said so.",
    "At most six resources of a stack are worked on at the same time.",
    "A stack's tags reach its resources; the tags aws:cloudformation:* that AWS adds do not.",
    "ExecuteChangeSet answers when the operation has ended, or after two seconds: so `aws cloudformation deploy`, "
    "which looks every 30 seconds, sees the end of quick stacks at once.",
    "A change set is complete when CreateChangeSet answers; its errors are CreateChangeSet's. The name of "
    "one that was executed or cannot be executed may be used again.",
    "Of all transforms, AWS::Serverless-2016-10-31 and AWS::LanguageExtensions are run; macros, Fn::Transform and "
    "AWS::Serverless::Application are refused.",
    "Values of AWS-specific parameter types such as AWS::EC2::Subnet::Id are not looked up.",
    "Of dynamic references only {{resolve:ssm:name}} is resolved; ssm-secure and secretsmanager are refused.",
    "Stack policies, rollback triggers, ResourceTypes, ChangeSetType IMPORT, drift, stack sets, custom "
    "resources, DeletionPolicy Snapshot, CreationPolicy and UpdatePolicy are refused.",
    "IncludeNestedStacks is refused for templates with nested stacks: their part of a change set is not worked out.",
    "ImportExistingResources imports nothing: a resource whose name is taken fails to be created, and its event "
    "says so. Of DeploymentConfig the default only, Mode STANDARD, is done.",
    "A wait condition handle is a placeholder: nothing receives its signals, and AWS::CloudFormation::WaitCondition is "
    "refused.",
    "When a resource fails, those being made at that moment are finished first, then the roll-back begins.",
    "An update that fails after another that was left in UPDATE_FAILED is rolled back to what that one had left.",
    "YAML is read as YAML 1.1; numbers with leading zeros, as account ids have them, stay text.",
)
