"""Code repositories take the addresses that this server's CodeCommit gives."""

from boatyard.api.call import Call


def test_a_clone_address_of_this_server_is_taken_in_its_https_form(call: Call) -> None:
    made = call.client("codecommit").create_repository(repositoryName="model")
    address = made["repositoryMetadata"]["cloneUrlHttp"]
    sagemaker = call.client("sagemaker")
    sagemaker.create_code_repository(CodeRepositoryName="code", GitConfig={"RepositoryUrl": address})
    described = sagemaker.describe_code_repository(CodeRepositoryName="code")["GitConfig"]
    assert described["RepositoryUrl"] == "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/model"
