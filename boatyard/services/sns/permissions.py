"""Topic policies: who may publish and subscribe."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.identity.policy_syntax import Grammar, MalformedPolicy, parse
from boatyard.identity.resource_policies import resource_policy
from boatyard.services.sns.lookup import invalid, require_topic
from boatyard.services.sns.records import TOPICS

_OWNER_ACTIONS = (
    *("SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission"),
    *("SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish"),
)


def default_policy(account: str, region: str, name: str) -> str:
    """A new topic's policy: whoever is in the owner's account."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": list(_OWNER_ACTIONS),
        "Resource": f"arn:aws:sns:{region}:{account}:{name}",
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


def check_policy(document: str) -> None:
    """InvalidParameter for a policy that breaks the grammar."""
    try:
        parse(document, Grammar.RESOURCE)
    except MalformedPolicy as error:
        raise invalid(f"Policy Error: {error}") from error


def add_permission(call: Call, params: Params) -> None:
    """Add a statement to a topic's policy for some accounts and actions. (SNS API: AddPermission)"""
    label = params["Label"]
    with call.installation.database.transaction() as tx:
        topic = require_topic(tx, call, params["TopicArn"])
        document: dict[str, Any] = json.loads(topic.policy)
        statements = _statements(document)
        if any(item.get("Sid") == label for item in statements):
            raise invalid("Statement already exists")
        principals = [f"arn:aws:iam::{account}:root" for account in params["AWSAccountId"]]
        document["Statement"] = [
            *statements,
            {
                "Sid": label,
                "Effect": "Allow",
                "Principal": {"AWS": principals},
                "Action": [f"SNS:{action}" for action in params["ActionName"]],
                "Resource": topic.arn,
            },
        ]
        check_policy(json.dumps(document))
        TOPICS.put(tx, msgspec.structs.replace(topic, policy=json.dumps(document)))


def _statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = document["Statement"]
    return found if isinstance(found, list) else [found]


def remove_permission(call: Call, params: Params) -> None:
    """Take a statement out of a topic's policy. (SNS API: RemovePermission)"""
    with call.installation.database.transaction() as tx:
        topic = require_topic(tx, call, params["TopicArn"])
        document = json.loads(topic.policy)
        left = [item for item in _statements(document) if item.get("Sid") != params["Label"]]
        if len(left) == len(_statements(document)):
            raise ApiError("NotFound", "Statement does not exist", status=404)
        document["Statement"] = left
        TOPICS.put(tx, msgspec.structs.replace(topic, policy=json.dumps(document)))


@resource_policy("sns")
def topic_policy(call: Call, arn: str) -> str | None:
    """The policy of a topic, or of the topic of a subscription: what authorization asks for."""
    parts = arn.split(":")
    if len(parts) < 6:
        return None
    with call.installation.database.reading() as rx:
        topic = TOPICS.get(rx, parts[4], parts[3], parts[5])
    return topic.policy if topic else None
