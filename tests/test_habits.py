"""What GitHub reads of the repository is well-formed, and says the same as the rest of it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")


def workflow(name: str) -> Any:
    """A workflow's contents; YAML reads its key `on` as True."""
    return yaml.safe_load((GITHUB / "workflows" / f"{name}.yml").read_text())


def steps(job: Any) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_tests_run_on_every_python_that_the_package_is_for_on_linux_and_macos() -> None:
    matrix = workflow("test")["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest"]
    prefix = "Programming Language :: Python :: 3."
    said = [one[len(prefix) - 2 :] for one in PROJECT["classifiers"] if one.startswith(prefix)]
    assert matrix["python"] == said and f">={said[0]}" == PROJECT["requires-python"]


def test_the_workflows_run_what_the_readme_says_developers_run() -> None:
    jobs = workflow("test")["jobs"]
    assert steps(jobs["test"])[-2:] == [
        "pip install -e '.[test]'",
        "pytest -n 2 --dist loadfile",
    ]
    assert steps(jobs["readme"]) == ["bash .ci/run"]
    assert (ROOT / ".ci" / "run").is_file()


def test_what_takes_too_long_for_each_run_is_run_too() -> None:
    thorough = workflow("test")["jobs"]["thorough"]
    assert steps(thorough)[-1] == 'pytest -m "fuzz or kills"'
    assert "FUZZ" in thorough["steps"][-1]["env"]


@pytest.mark.parametrize(("fuzz", "cases"), [({}, 5_000), ({"FUZZ": "100000"}, 100_000)])
def test_how_many_inputs_are_damaged_can_be_said(fuzz: dict[str, str], cases: int) -> None:
    code = "import mutations; few, many = mutations.CASES; print(few, many.values[0])"
    usual = {name: value for name, value in os.environ.items() if name != "FUZZ"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "tests",
        env=usual | fuzz,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"200 {cases}\n", done.stderr


def test_a_release_is_published_without_a_stored_secret_and_only_after_it_was_tried() -> None:
    jobs = workflow("release")["jobs"]
    assert set(jobs["publish"]["needs"]) == {"build", "try"}
    assert [job for job, said in jobs.items() if "id-token" in said.get("permissions", {})] == [
        "publish"
    ]
    assert "secrets." not in (GITHUB / "workflows" / "release.yml").read_text()


@pytest.mark.parametrize("name", ["test", "release"])
def test_a_workflow_may_only_read_unless_a_job_says_more(name: str) -> None:
    said = workflow(name)
    assert said["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in said["jobs"].values())


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_asks_for_something_and_names_each_answer_once(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert form["name"] and form["description"].endswith(".")
    names = [field["id"] for field in form["body"]]
    assert len(set(names)) == len(names)
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_the_hooks_before_a_commit_are_the_linters_of_the_project() -> None:
    said = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = {hook["id"] for repository in said["repos"] for hook in repository["hooks"]}
    assert {"ruff-check", "ruff-format", "mypy", "actionlint"} <= hooks


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_the_links_of_what_contributors_read_lead_somewhere(name: str) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", (GITHUB / name).read_text()):
        assert (GITHUB / link).exists(), link
