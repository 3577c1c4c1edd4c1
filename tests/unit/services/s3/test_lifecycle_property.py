"""Lifecycle rules of templates as the API has them."""

from __future__ import annotations

from boatyard.services.s3.lifecycle_property import to_rules


def test_rule_of_a_template() -> None:
    rule = {
        "Id": "r",
        "Status": "Enabled",
        "Prefix": "logs/",
        "TagFilters": [{"Key": "k", "Value": "v"}],
        "ExpirationInDays": "30",
        "NoncurrentVersionExpirationInDays": 7,
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        "Transitions": [{"StorageClass": "STANDARD_IA", "TransitionInDays": 10}],
    }
    assert to_rules([rule]) == [
        {
            "ID": "r",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "k", "Value": "v"}]}},
            "Expiration": {"Days": 30},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            "Transitions": [{"StorageClass": "STANDARD_IA", "Days": 10}],
        }
    ]


def test_rule_for_everything() -> None:
    assert to_rules([{"Status": "Disabled"}]) == [{"Status": "Disabled", "Filter": {"Prefix": ""}}]
