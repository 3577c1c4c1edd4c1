"""IAM users, groups, keys and credentials for git."""

from __future__ import annotations

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.identity import credentials
from tests.unit.services.iam.test_roles import ACCOUNT, DOCUMENT, refused


def test_a_user_with_anything_left_is_not_deleted(call: Call) -> None:
    iam = call.client("iam")
    iam.create_user(UserName="Ana", Tags=[{"Key": "team", "Value": "a"}])
    iam.create_group(GroupName="Team")
    iam.add_user_to_group(GroupName="Team", UserName="ana")
    assert [user["UserName"] for user in iam.get_group(GroupName="Team")["Users"]] == ["Ana"]
    assert "group first" in refused(call, "DeleteUser", UserName="Ana").message
    assert "users from group" in refused(call, "DeleteGroup", GroupName="Team").message
    iam.remove_user_from_group(GroupName="Team", UserName="Ana")
    iam.delete_group(GroupName="Team")
    iam.put_user_policy(UserName="Ana", PolicyName="p", PolicyDocument=DOCUMENT)
    assert "delete policies first" in refused(call, "DeleteUser", UserName="Ana").message
    iam.delete_user_policy(UserName="Ana", PolicyName="p")
    key = iam.create_access_key(UserName="Ana")["AccessKey"]
    assert "access keys first" in refused(call, "DeleteUser", UserName="Ana").message
    iam.delete_access_key(UserName="Ana", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="Ana")
    assert refused(call, "GetUser", UserName="Ana").code == "NoSuchEntity"


def test_a_user_has_at_most_two_keys_and_keeps_them_when_renamed(call: Call) -> None:
    iam = call.client("iam")
    iam.create_user(UserName="ana")
    key = iam.create_access_key(UserName="ana")["AccessKey"]
    iam.create_access_key(UserName="ana")
    assert refused(call, "CreateAccessKey", UserName="ana").code == "LimitExceeded"
    iam.update_user(UserName="ana", NewUserName="bea", NewPath="/x/")
    found = credentials.find(call.installation, key["AccessKeyId"])
    assert found is not None
    assert found.principal.arn == f"arn:aws:iam::{ACCOUNT}:user/x/bea"
    assert found.secret_access_key == key["SecretAccessKey"]
    iam.update_access_key(AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert credentials.find(call.installation, key["AccessKeyId"]) is None
    assert {item["Status"] for item in iam.list_access_keys(UserName="bea")["AccessKeyMetadata"]} == {
        "Active",
        "Inactive",
    }


def test_a_password_for_git_is_checked(call: Call) -> None:
    iam = call.client("iam")
    iam.create_user(UserName="ana")
    made = iam.create_service_specific_credential(UserName="ana", ServiceName="codecommit.amazonaws.com")
    told = made["ServiceSpecificCredential"]
    login, password = told["ServiceUserName"], told["ServicePassword"]
    check = credentials.check_service_password
    principal = check(call.installation, "codecommit.amazonaws.com", login, password)
    assert principal is not None
    assert principal.name == "ana"
    assert check(call.installation, "codecommit.amazonaws.com", login, "wrong") is None
    iam.update_service_specific_credential(
        ServiceSpecificCredentialId=told["ServiceSpecificCredentialId"], Status="Inactive"
    )
    assert check(call.installation, "codecommit.amazonaws.com", login, password) is None
    with pytest.raises(ApiError, match="not supported"):
        iam.create_service_specific_credential(UserName="ana", ServiceName="other.amazonaws.com")


def test_a_caller_that_is_no_user_must_name_one(call: Call) -> None:
    assert "Must specify userName" in refused(call, "CreateAccessKey").message
    assert call.invoke("iam", "GetUser")["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
