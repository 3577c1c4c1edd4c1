"""What an operation is: the call, the registry of operations, invoke, errors, names and paging."""
