"""CloudFormation: templates become stacks of resources that other services own."""
