"""How many instances may run at the same time: on one machine they are containers."""

from __future__ import annotations

from boatyard.api.quotas import Quota


def _quota(name: str, default: int, kind: str, what: str) -> Quota:
    message = (
        f"The account-level service limit 'Number of instances across all {kind}' is {{limit}} Instances, with current "
        "utilization of {used} Instances and a request delta of {more} Instances. Please contact AWS support to "
        "request an increase for this limit."
    )
    return Quota(f"sagemaker.{name}", default, what, "ResourceLimitExceeded", message)


TRAINING = _quota("TrainingInstances", 20, "training jobs", "training jobs of an account in a region that run")
ENDPOINTS = _quota("EndpointInstances", 20, "endpoints", "containers of all endpoints of an account in a region")
NOTEBOOKS = _quota("NotebookInstances", 20, "notebook instances", "notebook instances of an account in a region")
