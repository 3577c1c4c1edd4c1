"""What IAM stores: identity's own records, which authentication and authorization read too."""

from boatyard.identity.records import SCHEMA

__all__ = ["SCHEMA"]
