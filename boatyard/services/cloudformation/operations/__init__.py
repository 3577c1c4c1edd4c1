"""The API of CloudFormation, one module for each kind of thing."""
