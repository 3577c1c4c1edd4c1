"""What SageMaker offers to its runtime's API."""

from __future__ import annotations

from boatyard.api import exports
from boatyard.services.sagemaker.endpoints import invocation

exports.register("sagemaker.invoke_endpoint", invocation.invoke_endpoint)
exports.register("sagemaker.event_loop", invocation.event_loop)
