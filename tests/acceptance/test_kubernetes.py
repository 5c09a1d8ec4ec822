"""The Kubernetes example of the documents: its YAML, its configuration and its command are ones that work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from bulkops.cli import arguments
from bulkops.cli.finishing import asked_finish
from bulkops.cli.working import work_options
from bulkops.config import load
from bulkops.wiring.calendars import parse_calendar

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "scheduled.md"


def documents() -> dict[str, dict[str, Any]]:
    """The objects of the guide's YAML, by kind."""
    block = re.search(r"^```yaml\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert block is not None
    return {one["kind"]: one for one in yaml.safe_load_all(block[1])}


def pod() -> dict[str, Any]:
    """What the CronJob starts."""
    found: dict[str, Any] = documents()["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


def test_the_command_is_one_that_the_parser_takes() -> None:
    """With a guard, since nobody is asked, and with paths that are mounted."""
    container = pod()["containers"][0]
    words = container["args"]
    assert words[:2] == ["bulkops", "run"]
    options = arguments.parse(words[1:])
    work = work_options(options)
    assert options.yes
    assert work.max_changes is not None
    finish = asked_finish(options)
    assert finish is not None
    assert finish.variable in {one["name"] for one in container["env"]}
    mounted = {Path(one["mountPath"]) for one in container["volumeMounts"]}
    for path in (Path(options.job), options.config, options.runs_dir):
        assert mounted & {path, *path.parents}, path


def test_every_mount_has_its_volume_and_runs_do_not_overlap() -> None:
    """And a run that was cut off is not started again by itself."""
    spec, work = documents()["CronJob"]["spec"], pod()
    names = {one["name"] for one in work["volumes"]}
    assert {one["name"] for one in work["containers"][0]["volumeMounts"]} == names
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert work["restartPolicy"] == "Never"
    parse_calendar(spec["schedule"])


def test_its_configuration_is_read_and_its_secrets_are_mounted(tmp_path: Path) -> None:
    """The file that the ConfigMap holds is a bulkops.toml without a literal secret."""
    file = tmp_path / "bulkops.toml"
    file.write_text(documents()["ConfigMap"]["data"]["bulkops.toml"], encoding="utf-8")
    _, target = load(file).choose(None)
    assert target.auth is not None
    mounted = {one["mountPath"] for one in pod()["containers"][0]["volumeMounts"]}
    files = [value for key, value in target.auth.model_dump().items() if key.endswith("_file") and value]
    assert {str(Path(one).parent) for one in files} == {"/secrets"} <= mounted
