"""A repository whose record a crash has cut off goes at the next start; the others stay."""

from boatyard.api.call import Call, Client
from boatyard.services.codecommit import hooks
from boatyard.services.codecommit.checks import find_repository
from boatyard.services.codecommit.git import Git
from boatyard.services.codecommit.references import repository_git


def test_a_repository_without_a_record_goes_at_the_start(codecommit: Client, call: Call) -> None:
    kept = repository_git(call.installation, find_repository(call, "algorithm"))
    lost = Git(kept.directory.with_name("11111111-1111-1111-1111-111111111111.git"))
    lost.initialise()
    hooks.resume(call.installation)
    assert (kept.exists(), lost.directory.exists()) == (True, False)
    assert list(call.installation.data_directory.glob("*.deleted")) == []
