"""The files that others run it from: what they name is there, and what they run may do little."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from citydip_rag.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SHUTDOWN_SECONDS = Settings.model_fields["shutdown_seconds"].default
COMPOSE: Final = ("compose.yaml", "compose.cluster.yaml")
UNITS: Final = ("citydip-index.service", "citydip@.service")
SECRETS: Final = {"postgres_password"}
"""Those that are not ours."""


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions and what they say, lines put together."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def said(instruction: str) -> list[str]:
    return [rest.strip() for word, rest in instructions() if word == instruction]


def compose(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    return found


def services(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose(name)["services"]
    return found


def test_the_image_is_built_in_stages_and_runs_as_nobody_in_particular() -> None:
    assert len(said("FROM")) == 2
    assert all(":" in image and ":latest" not in image for image in said("FROM"))
    words = [word for word, _ in instructions()]
    assert said("USER") == ["10001:10001"]
    last = len(words) - 1 - words[::-1].index("FROM")
    assert words.index("USER") > last
    assert not {"RUN", "COPY", "ADD"} & set(words[words.index("USER") :])
    assert said("ENTRYPOINT") == ['["citydip"]']  # exec form: SIGTERM reaches it
    assert said("CMD") == ['["serve"]']
    assert "/health/live" in said("HEALTHCHECK")[0]


def test_what_the_image_copies_is_there_and_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    for line in said("COPY"):
        if line.startswith("--from="):
            continue
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored
    assert not any(
        re.search("key|secret|password|token", line, re.IGNORECASE) for _, line in instructions()
    )


def test_the_lock_pins_what_the_image_installs() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.search(r"^torch==", lock, re.MULTILINE)
    extras = re.search(r"\[([a-z,]+)\]\"", "\n".join(said("RUN")))
    assert extras is not None
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in extras[1].split(","):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra


@pytest.mark.parametrize(
    "file",
    ["Dockerfile", *COMPOSE, *(f"systemd/{unit}" for unit in UNITS), "systemd/citydip.env"],
)
def test_every_variable_is_a_setting(file: str) -> None:
    text = (DEPLOY / file).read_text(encoding="utf-8")
    for name in re.findall(rf"\b{PREFIX}([A-Z_]+)\b", text):
        assert name.lower() in Settings.model_fields or name == "VERSION", name


@pytest.mark.parametrize("name", COMPOSE)
def test_services_are_pinned_limited_looked_after_and_read_only(name: str) -> None:
    for service, options in services(name).items():
        assert ":" in options["image"], service
        assert "latest" not in options["image"], service
        assert options["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}, service
        assert options["security_opt"] == ["no-new-privileges:true"]
        assert "healthcheck" in options, service
        if options["image"].startswith("citydip"):
            assert options["read_only"], service
            assert options["cap_drop"] == ["ALL"]
            assert any(mount.startswith("/tmp") for mount in options["tmpfs"])  # noqa: S108


@pytest.mark.parametrize("name", COMPOSE)
def test_what_services_name_is_there(name: str) -> None:
    whole = compose(name)
    for options in services(name).values():
        for other, how in options.get("depends_on", {}).items():
            once = whole["services"][other].get("restart") == "no"
            assert how["condition"] == (
                "service_completed_successfully" if once else "service_healthy"
            )
        for secret in options.get("secrets", []):
            assert secret in whole["secrets"]
            known = secret.removeprefix("citydip_") in Settings.model_fields
            assert known or secret in SECRETS, secret
        for mount in options.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./nginx"):
                assert (DEPLOY / source).is_file(), source
            elif not source.startswith("."):
                assert source in whole["volumes"]
        build = options.get("build")
        if build:
            assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", COMPOSE)
def test_no_secret_stands_in_a_compose_file(name: str) -> None:
    for options in services(name).values():
        for variable in options.get("environment", {}):
            secret = re.search("KEY|PASSWORD|TOKEN", variable)
            assert not secret or variable.endswith("_FILE")
    assert all(set(secret) == {"file"} for secret in compose(name)["secrets"].values())


def test_apps_get_longer_to_stop_than_they_take() -> None:
    for name in COMPOSE:
        graces = [options.get("stop_grace_period") for options in services(name).values()]
        assert any(graces)
        assert all(
            int(grace.removesuffix("s")) > 10 + SHUTDOWN_SECONDS for grace in graces if grace
        )
    unit = (DEPLOY / "systemd" / "citydip@.service").read_text(encoding="utf-8")
    stop = re.search(r"^TimeoutStopSec=(\d+)s$", unit, re.MULTILINE)
    assert stop is not None
    assert int(stop[1]) > 10 + SHUTDOWN_SECONDS


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_ones_that_systemd_takes(unit: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    text = (DEPLOY / "systemd" / unit).read_text(encoding="utf-8")
    for other in UNITS:
        there = (DEPLOY / "systemd" / other).read_text(encoding="utf-8")
        there = there.replace("/opt/citydip/bin/citydip", shutil.which("true") or "/bin/true")
        (tmp_path / other).write_text(there, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "User=citydip", "MemoryMax="):
        assert line in text
