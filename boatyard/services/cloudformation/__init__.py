"""CloudFormation: templates become stacks of resources that other services own."""

OPERATION_MODULES = ("operations.stacks", "operations.reading", "operations.templates", "operations.change_sets")
