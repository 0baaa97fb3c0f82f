"""What installs the course: one list of requirements, told three times without contradiction."""

import re
import tomllib

import pytest
import yaml

CONDA_LEAVES_TO_PIP = set()  # requirements that conda-forge does not carry


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


PIP_ONLY = ["axe-playwright-python>=0.1.6"]  # not on conda-forge


def normal(requirements):
    return {re.sub(r"\s+", "", r.split(";")[0]).lower() for r in requirements if not r.startswith("edf-course[")}


def test_environment_yml_equals_pyproject(root, project):
    conda = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in conda if isinstance(entry, dict))
    named = [entry for entry in conda if isinstance(entry, str) and entry != "pip" and not entry.startswith("python>")]
    extras = project["optional-dependencies"]
    assert normal([*named, *PIP_ONLY]) == normal(
        [
            *project["dependencies"],
            *(r.replace("[binary]", "") for e in ("course", "cluster", "postgres", "test") for r in extras[e]),
        ]
    )
    assert pip == [*PIP_ONLY, "-e ."]
    assert f"python{project['requires-python']}" in conda


def test_no_requirement_is_pinned_to_one_version(project):
    for requirements in [project["dependencies"], *project["optional-dependencies"].values()]:
        assert not [r for r in requirements if "==" in r]


def test_lock_file_holds_every_requirement(root, project):
    locked = {p["name"] for p in tomllib.loads((root / "uv.lock").read_text())["package"]}
    everything = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    names = {re.split(r"[\[<>=;~ ]", r)[0].lower() for r in everything}
    assert names <= locked


def test_the_core_needs_numpy_alone(project):
    assert normal(project["dependencies"]) == {"numpy>=2.0"}


def test_every_command_of_the_readme_exists(root, project):
    commands = {line.split()[0].split("/")[-1] for line in _code_lines(root) if line.startswith((".venv/bin/", "edf "))}
    assert commands <= {*project["scripts"], "python", "nbgrader"}


def _code_lines(root):
    blocks = re.findall(r"```(?:sh|powershell)\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]
