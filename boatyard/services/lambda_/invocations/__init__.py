"""Invoking functions: instances in containers, the runtime API they talk to, and asynchronous invocations."""
