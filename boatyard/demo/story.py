"""The demonstration from start to end: stacks, data, push, pipeline, predictions, retraining."""

from __future__ import annotations

from boatyard.cli.servers import Running
from boatyard.cli.watch import Row
from boatyard.demo import delivery, production, stacks
from boatyard.demo.lab import DemoFailed, Lab
from boatyard.demo.show import Show


def run(server: Running, show: Show) -> None:
    """Everything, in order; DemoFailed at the first thing that does not come out as it must."""
    lab = Lab(server)
    stacks.create_stacks(lab, show)
    show.heading("Data")
    delivery.upload_data(lab, show)
    show.heading("Push the algorithm; the push alone starts the pipeline")
    began = show.seconds
    commit = delivery.push(lab, show)
    execution = delivery.find_execution(lab, commit)
    rows = delivery.follow(lab, show, execution)
    delivered = show.seconds - began
    show.heading("Ask production")
    production.show_predictions(lab, show)
    show.line(f"The full test measured an accuracy of {delivery.full_test_accuracy(lab, execution)}.")
    switched, asker = retrain(lab, show)
    _stage_table(show, rows, switched)
    show.line("")
    show.line(f"From push to production: {delivered:.1f} s. All of it: {show.seconds:.0f} s.")
    show.line(f"Production was asked {asker.asked} times during the retraining; {len(asker.failures)} failed.")
    _where_next(lab, show)
    if asker.failures:
        raise DemoFailed(f"{len(asker.failures)} requests were not answered. The first: {asker.failures[0]}")


def retrain(lab: Lab, show: Show) -> tuple[list[Row], production.Asker]:
    """Upload new training data and ask Prod without a pause until the new model serves."""
    show.heading("New training data; the pipeline notices and retrains")
    sagemaker = lab.client("sagemaker")
    before = sagemaker.describe_endpoint(EndpointName=lab.endpoint("prod"))["EndpointConfigName"]
    with production.Asker(lab) as asker:
        version = lab.client("s3").put_object(
            Bucket=lab.data_bucket, Key="train/iris.csv", Body=production.new_training_data(lab)
        )["VersionId"]
        show.line(f"s3://{lab.data_bucket}/train/iris.csv  version {version}")
        rows = delivery.follow(lab, show, delivery.find_execution(lab, version))
    after = sagemaker.describe_endpoint(EndpointName=lab.endpoint("prod"))["EndpointConfigName"]
    if after == before:
        raise DemoFailed(f"{lab.endpoint('prod')} still serves {before} after the retraining.")
    show.line(f"{lab.endpoint('prod')} went from {before} to {after}: {asker.asked} requests, "
              f"{len(asker.failures)} failed.")  # fmt: skip
    return rows, asker


def _seconds(rows: list[Row]) -> dict[str, float]:
    """How long each stage's actions took together."""
    spent: dict[str, float] = {}
    for row in rows:
        spent[row.stage] = spent.get(row.stage, 0.0) + (row.seconds or 0.0)
    return spent


def _stage_table(show: Show, first: list[Row], again: list[Row]) -> None:
    retrained = _seconds(again)
    rows = [(stage, f"{spent:.1f} s", f"{retrained.get(stage, 0.0):.1f} s") for stage, spent in _seconds(first).items()]
    show.console.print()
    show.table("How long the stages took", ("Stage", "Push", "New data"), rows)


def _where_next(lab: Lab, show: Show) -> None:
    show.heading("Where to look next")
    commands = (
        ('eval "$(boatyard env)"', "then the AWS CLI, boto3 and git talk to this server"),
        (f"boatyard watch {lab.pipeline}", "the pipeline, live"),
        ("boatyard logs", "what builds, functions, jobs and endpoints have written"),
        ("boatyard down; boatyard up", "everything comes back as it was"),
        (f"{lab.blueprint}/clean-up lab", "removes the lab; 'boatyard reset' removes everything"),
    )
    for command, what in commands:
        show.line(f"{command:<32}  # {what}")
    for text in (
        f"log groups: /aws/codebuild/{lab.prefix}, /aws/lambda/{lab.prefix}-*, /aws/sagemaker/TrainingJobs,",
        f"            /aws/sagemaker/Endpoints/{lab.endpoint('prod')}",
        f"endpoints:  {', '.join(lab.endpoint(stage) for stage in ('dev', 'test', 'prod'))}",
        f"repository: {lab.clone_url}   (its working copy: {lab.work_tree})",
    ):
        show.line(text)
