"""What deploy/ has for systemd, Kubernetes and containers, judged by their own tools and schemas, and by what the program has."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
TABLE = (ROOT / "lib" / "conf" / "table.c").read_text()
OPTIONS = set(re.findall(r'\.name = "([\w.]+)"', TABLE))
FLAGS = set(re.findall(r'FLAG\("(--[\w-]+)"', TABLE)) | {"--config", *re.findall(r'\{"(--[\w-]+)"', (ROOT / "app/ops/worker.c").read_text())}
SEEDS = set(re.findall(r'\.seed_env = "(\w+)"', TABLE)) | {"HOSTNAME"}
KUBERNETES = ("1.29", "1.35")
DRAIN, EXTRA = 10, 15  # seconds: the setting's default, and what brokers that do not answer may take besides


def known_variable(name):
    option = name.removeprefix("POUCH_").lower()
    return name in SEEDS or name == "POUCH_CONFIG" or option in {one.replace(".", "_") for one in OPTIONS}


def flags_of(words):
    return {word for word in words if word.startswith("--")}


# ---- systemd ----


def systemd_analyze(*words):
    assert shutil.which("systemd-analyze"), "scripts/deps test installs systemd-analyze, in Debian's package systemd"
    return subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True)


def settings(unit):
    """{key: all its values}, of all sections."""
    found = {}
    for key, value in re.findall(r"(?m)^(\w+)=(.*)$", unit.read_text()):
        found.setdefault(key, []).append(value)
    return found


@pytest.mark.acceptance("C34")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_each_unit(unit, tmp_path):
    """The program and its manual are installed nowhere here, so another one stands for it."""
    text = unit.read_text().replace("/usr/bin/pouch", shutil.which("true"))
    copy = tmp_path / unit.name.replace("@.", "@orders.")
    copy.write_text(text)
    done = systemd_analyze("verify", "--man=no", "--recursive-errors=no", copy)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.acceptance("C34")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_leaves_little_open(unit):
    """By systemd's own score from 0 to 10; what has none of this has 9.6."""
    done = systemd_analyze("security", "--offline=yes", "--threshold=15", unit)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_fits_the_program(unit):
    found = settings(unit)
    [command] = found["ExecStart"]
    words = command.split()
    sub = words[1]
    assert (ROOT / "app" / "ops" / f"{sub}.c").exists() and flags_of(words) <= FLAGS
    named = set(re.findall(r"%d/(\S+)", command))
    assert named == {one.split(":")[0] for one in found["LoadCredential"]}, "each credential is used, and none is missing"
    assert ("ring" in named) == (sub != "center"), "a center has no key"
    assert found["Type"] == ["notify"] and found["WatchdogSec"] and found["DynamicUser"] == ["yes"]
    assert int(found["TimeoutStopSec"][0]) > DRAIN + EXTRA


def test_there_is_a_unit_for_each_role():
    assert [unit.name for unit in UNITS] == ["pouch-center.service", "pouch-gateway.service", "pouch-worker@.service"]


# ---- Kubernetes ----


def documents():
    """[(file, document)] as kustomization.yaml names them."""
    kustomization = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    names = kustomization["resources"]
    others = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    assert others == {*names, *(file for one in kustomization["configMapGenerator"] for file in one["files"])}
    return [(name, one) for name in names for one in yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text())]


def pods():
    """{name of its owner: (owner, pod's spec)}"""
    owners = [one for _, one in documents() if one["kind"] in ("Deployment", "StatefulSet")]
    return {one["metadata"]["name"]: (one, one["spec"]["template"]["spec"]) for one in owners}


@pytest.mark.acceptance("C34")
@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_has_a_schema_that_each_manifest_fits(version):
    for file, one in documents():
        try:
            assert kubernetes_validate.validate(one, version, strict=True) == version
        except kubernetes_validate.ValidationError as e:
            pytest.fail(f"{file}: {one['kind']} {one['metadata']['name']}: {e.message}")


@pytest.mark.acceptance("C34")
def test_what_is_to_run_under_kubernetes_runs_as_often_as_it_should():
    assert {name: owner["spec"]["replicas"] for name, (owner, _) in pods().items()} == {"center": 2, "gateway": 3, "orders": 2}
    budgets = {one["metadata"]["name"]: one["spec"] for _, one in documents() if one["kind"] == "PodDisruptionBudget"}
    for name, (owner, _) in pods().items():
        assert 0 < budgets[name]["minAvailable"] < owner["spec"]["replicas"]
        assert budgets[name]["selector"] == owner["spec"]["selector"]
        assert owner["spec"]["selector"]["matchLabels"].items() <= owner["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.acceptance("C34")
def test_a_pod_is_probed_and_ends_when_it_is_done():
    for name, (_, pod) in pods().items():
        delay = max(int(c.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [0, 0])[1]) for c in pod["containers"])
        assert pod["terminationGracePeriodSeconds"] > delay + DRAIN + EXTRA, name
        [ours] = [c for c in pod["containers"] if c["image"] == "pouch"]
        assert ours["startupProbe"]["httpGet"]["path"] == ours["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert ours["readinessProbe"]["httpGet"]["path"] == "/readyz"
        [port] = ours["ports"]
        assert port["name"] == "http" and f":{port['containerPort']}" == ours["args"][ours["args"].index("--listen") + 1]


@pytest.mark.acceptance("C34")
def test_a_pod_may_do_nothing_that_it_need_not():
    for _, pod in pods().values():
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
            assert container["resources"]["limits"]["memory"]


def test_a_pod_fits_the_program():
    for name, (owner, pod) in pods().items():
        [ours] = [c for c in pod["containers"] if c["image"] == "pouch"]
        assert (ROOT / "app" / "ops" / f"{ours['args'][0]}.c").exists() and flags_of(ours["args"]) <= FLAGS
        assert all(known_variable(one["name"]) for one in ours["env"])
        volumes = {one["name"] for one in pod["volumes"]} | {one["metadata"]["name"] for one in owner["spec"].get("volumeClaimTemplates", [])}
        assert {one["name"] for one in ours["volumeMounts"]} == volumes, name
        assert ("ring" in volumes) == (name != "center"), "a center has no key"
    settings_file = yaml.safe_load((DEPLOY / "kubernetes" / "pouch.yaml").read_text())
    assert settings_file.keys() <= OPTIONS


# ---- containers ----


def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.mark.acceptance("B27", "C34")
def test_the_compose_file_is_one():
    parsed = PyCompose.from_json(json.dumps(compose()))
    parsed.validate()


@pytest.mark.acceptance("B27", "C34")
def test_the_compose_file_has_each_server_on_its_port_with_a_health_check():
    services = compose()["services"]
    ports = {name: sorted(int(port.split(":")[1]) for port in one.get("ports", [])) for name, one in services.items()}
    assert ports == {"kafka": [9092], "cassandra": [9042], "kafka-ui": [8080], "redis": [6379], "registry": [8081], "prometheus": [9090],
                     "grafana": [3001], "center": [], "gateway": [3000]}
    for name, one in services.items():
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", [])), f"{name} asks nobody who they are"
        assert one["healthcheck"]["test"][0] == "CMD" and one["healthcheck"]["retries"] > 0
        assert re.search(r":v?\d", one["image"]) or one["image"] == "pouch", f"{name}: which version"
        for other, how in one.get("depends_on", {}).items():
            assert other in services and how == {"condition": "service_healthy"}
    roles = services["kafka"]["environment"]["KAFKA_PROCESS_ROLES"].split(",")
    assert sorted(roles) == ["broker", "controller"], "without ZooKeeper"


def test_the_compose_file_fits_the_program_and_the_tree():
    services = compose()["services"]
    for name in ("center", "gateway"):
        one = services[name]
        assert one["command"][0] == name and flags_of(one["command"]) <= FLAGS and one["read_only"] and one["cap_drop"] == ["ALL"]
        assert all(known_variable(variable) for variable in one["environment"])
        assert int(one["stop_grace_period"].rstrip("s")) > DRAIN + EXTRA
    for one in services.values():
        for volume in one.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose()["volumes"] or (DEPLOY / source).exists()
    for config in compose()["configs"].values():
        assert yaml.safe_load(config["content"])


@pytest.mark.acceptance("C34")
def test_the_image_has_the_libraries_that_the_program_is_linked_with():
    """Each -dev package that building needs depends on one that the image is to have."""
    text = (DEPLOY / "Dockerfile").read_text()
    installed = set(re.search(r"--no-install-recommends -y (.*?) *\\\n && rm", text, re.S).group(1).replace("\\\n", " ").split())
    build = re.search(r"(?s)\nbuild=\((.*?)\)", (ROOT / "scripts" / "deps").read_text()).group(1).split()
    for package in (one for one in build if one.endswith("-dev")):
        needs = subprocess.run(["dpkg-query", "-W", "-f", "${Depends}", package], capture_output=True, text=True, check=True).stdout
        assert {one.split()[0] for one in needs.split(",")} & installed, f"{package} needs one of: {needs}"
    assert "USER 10001:10001" in text and 'ENTRYPOINT ["/usr/bin/pouch"]' in text
    assert text.count("FROM debian:12-slim") == 2
