"""AWS CodeBuild: projects, and builds that run a buildspec in a container of their own."""

OPERATION_MODULES = ("projects.operations", "builds.operations")
WORKFLOW_MODULES = ("builds.workflow",)

QUICK_OPERATIONS = frozenset({"BatchGetBuilds", "BatchGetProjects"})

NOTES: tuple[str, ...] = (
    "Builds run in boatyard's build environment (Debian 12, Python 3.11, git, AWS CLI, docker) whatever "
    "aws/codebuild image is named; the build's log names both. Images of your own are refused.",
    "In a build without privileged mode, docker and dockerd end with a message that says so.",
    "A build in privileged mode can docker build and docker run; docker run --privileged, loop devices and the "
    "machine's other devices are not to be had in it.",
    "Cached paths are kept by builds whose commands all succeed, as one tar file; docker's layers are kept in every "
    "privileged build.",
    "A buildspec's batch, reports, proxy, run-as, on-failure RETRY and Secrets Manager entries fail the build with a "
    "message.",
    "One build of a project runs at a time and two builds in all; the others are queued.",
    "A CODECOMMIT source is the commit's files without its .git directory.",
    "runtime-versions may name python and docker; other languages fail the INSTALL phase.",
    "Secrets Manager variables, webhooks, batch builds, report groups, fleets, VPCs, file systems, S3 logs and "
    "debug sessions are refused.",
)
