"""The agent: phases in CodeBuild's order, one shell for all commands, a log that is whole and hides secrets."""

from __future__ import annotations

from pathlib import Path

from tests.unit.services.codebuild.agent_process import phase, run_agent


def test_variables_functions_and_directories_last_from_command_to_command(tmp_path: Path) -> None:
    ran = run_agent(
        tmp_path,
        phase("install", "export A=1", "mkdir sub && cd sub", "greet() { echo hello $1; }"),
        phase("build", "greet $A", "basename $PWD", 'for i in 1 2\ndo\n  echo "line $i"\ndone'),
        exported=["A", "ABSENT"],
    )
    assert ran.code == 0
    assert [line for line in ran.output if line in ("hello 1", "sub", "line 1", "line 2")] == [
        "hello 1", "sub", "line 1", "line 2",
    ]  # fmt: skip
    assert ran.end["variables"] == {"A": "1"}
    assert ran.phases == dict.fromkeys(("INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"), "SUCCEEDED")


def test_a_failed_build_phase_is_followed_by_post_build_and_finally(tmp_path: Path) -> None:
    ran = run_agent(
        tmp_path,
        phase("build", "false", "echo never", last=("echo finally",)),
        phase("post_build", "echo succeeding=$CODEBUILD_BUILD_SUCCEEDING"),
    )
    assert ran.output == ["finally", "succeeding=0"]
    assert ran.phases["BUILD"] == "FAILED"
    assert ran.phases["POST_BUILD"] == "SUCCEEDED"
    failed = next(each for each in ran.progress if each.get("status") == "FAILED")
    assert failed["code"] == "COMMAND_EXECUTION_ERROR"
    assert failed["message"] == "Error while executing command: false. Reason: exit status 1"


def test_a_failed_pre_build_ends_the_build(tmp_path: Path) -> None:
    ran = run_agent(tmp_path, phase("pre_build", "exit 3"), phase("build", "echo never"))
    assert ran.phases == {"INSTALL": "SUCCEEDED", "PRE_BUILD": "FAILED"}
    assert ran.output == []


def test_on_failure_says_whether_the_build_goes_on(tmp_path: Path) -> None:
    going = run_agent(tmp_path / "going", phase("pre_build", "false", on_failure="CONTINUE"), phase("build", "echo on"))
    assert going.output == ["on"]
    assert going.phases["PRE_BUILD"] == "FAILED"
    ending = run_agent(
        tmp_path / "ending", phase("build", "false", on_failure="ABORT"), phase("post_build", "echo never")
    )
    assert ending.output == []
    assert "POST_BUILD" not in ending.phases


def test_a_command_that_ends_the_shell_fails_its_phase_whatever_runs_in_the_background(tmp_path: Path) -> None:
    ran = run_agent(
        tmp_path,
        phase("build", "sleep 30 &", "(for i in 1 2 3 4; do sleep 5; done) &", "exit 7", last=("echo last",)),
        shell="bash",
    )
    assert ran.code == 0
    assert ran.output == ["last"]
    failed = next(each for each in ran.progress if each.get("status") == "FAILED")
    assert failed["message"].endswith("Reason: exit status 7")


def test_output_is_handed_on_whole(tmp_path: Path) -> None:
    ran = run_agent(
        tmp_path,
        phase(
            "build",
            "printf 'no newline'",
            r"printf '\377 bad\n'",
            r"printf 'one\rtwo\n'",
            "head -c 200000 /dev/zero | tr '\\0' x",
            r"printf '\002boatyard-'; printf 'not a mark\n'",
        ),
    )
    assert ran.output[:4] == ["no newline", "� bad", "one", "two"]
    assert "".join(ran.output[4:-1]) == "x" * 200000
    assert ran.output[-1] == "\x02boatyard-not a mark"
    assert ran.lines.index("no newline") < next(i for i, line in enumerate(ran.lines) if "printf 'one" in line)


def test_values_of_parameters_do_not_show(tmp_path: Path) -> None:
    ran = run_agent(
        tmp_path,
        phase("build", "echo it is $SECRET", "echo first-line", "grep very-secret /dev/null"),
        environment={"SECRET": "very-secret"},
        secrets=["very-secret", "first-line\nsecond-line"],
    )
    assert ran.output == ["it is ***", "***"]
    assert not any("very-secret" in line for line in ran.lines)
    assert "very-secret" not in (tmp_path / "output" / "progress.jsonl").read_text()


def test_commands_of_version_0_1_have_a_shell_each(tmp_path: Path) -> None:
    ran = run_agent(tmp_path, phase("build", "A=1", "echo a=$A", "exit 0", "echo on"), version="0.1")
    assert ran.output == ["a=", "on"]


def test_the_names_of_artifacts_are_expanded_by_the_shell(tmp_path: Path) -> None:
    names = {"": "out-$TAG-$(echo sub)", "second": "plain"}
    ran = run_agent(tmp_path, phase("build", "TAG=v1"), artifact_names=names)
    assert ran.end["artifact_names"] == {"": "out-v1-sub", "second": "plain"}


def test_cached_paths_are_kept_and_put_back(tmp_path: Path) -> None:
    wheels = tmp_path / "elsewhere" / "wheels"
    fill = phase(
        "build", f"mkdir -p {wheels}/deep modules", f"echo w > {wheels}/deep/a", "echo m > modules/b", "echo n > no"
    )
    paths = [f"{wheels}/**/*", "modules/**/*", "absent/*"]
    first = run_agent(tmp_path / "one", fill, cache=paths)
    assert any("There is no cache yet" in line for line in first.lines)
    kept = tmp_path / "one" / "cache" / "new.tar"
    (wheels / "deep" / "a").unlink()
    (tmp_path / "one" / "src" / "modules" / "b").unlink()
    kept.rename(kept.with_name("cache.tar"))
    second = run_agent(tmp_path / "one", phase("build", f"cat {wheels}/deep/a modules/b"), cache=paths)
    assert second.output == ["w", "m"]


def test_a_failed_build_keeps_no_cache(tmp_path: Path) -> None:
    run_agent(tmp_path, phase("build", "echo x > kept", "false"), cache=["kept"])
    assert not (tmp_path / "cache" / "new.tar").exists()
