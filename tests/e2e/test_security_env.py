"""SASL and TLS by the variables of CAAS's services, on a broker that wants them; and what is said when they are wrong."""

import json
import secrets

import pytest
from conftest import PATIENCE, Pouch, wait_until
from secure import Secure, other_authority

NO_BROKER, PERMISSION, CONFIG = 69, 77, 78


@pytest.fixture
def secure(kafka_secure, tmp_path):
    return Secure(kafka_secure, tmp_path)


@pytest.fixture
def pouch(secure, tmp_path):
    """The program as the user that may do everything."""
    program = Pouch(secure.exports["KAFKA_SECURE_BROKERS"], tmp_path)
    program.env |= secure.superuser()
    yield program
    program.stop_all()


@pytest.mark.acceptance("D15")
def test_requests_are_answered_over_scram_and_tls(pouch):
    topic = pouch.topic()
    pouch.worker(topic, "--exec", "cat")
    done = pouch.ask(topic, {"over": "tls"})
    assert done.returncode == 0 and json.loads(done.stdout)["payload"] == {"over": "tls"}, done.stderr


@pytest.mark.acceptance("D15")
def test_tls_alone_lets_in_whoever_has_a_certificate(secure, pouch, tmp_path):
    topic = pouch.topic()
    secure.grant("CN=service", "WRITE", "TOPIC", topic)
    by_certificate = Pouch(secure.exports["KAFKA_SECURE_SSL_BROKERS"], tmp_path, key=pouch.key)
    by_certificate.env |= {"KAFKA_SSL_ENABLED": "true", "KAFKA_SASL_ENABLED": "false", "KAFKA_SASL_USERNAME": "nobody",
                           **{f"KAFKA_SSL_{name}": secure.exports[f"KAFKA_SECURE_{name}"]
                              for name in ("CA", "CERTIFICATE", "KEY", "KEY_PASSWORD_FILE")}}
    assert by_certificate.ok("send", topic, stdin="{}").strip()
    assert [part["high"] for part in json.loads(pouch.ok("topic", "describe", topic, "-o", "json"))["partition"]].count(1) == 1


@pytest.mark.acceptance("D13", "D14", "D15")
def test_what_the_variables_say_is_shown_and_secrets_are_not(pouch, tmp_path):
    canary = secrets.token_hex(8)
    pouch.env |= {"KAFKA_SASL_PASSWORD": canary, "KAFKA_SSL_KEY_PASSWORD": canary, "PRODUCER_LINGER_MS": "5", "MAX_RETRIES": "3",
                  "POUCH_COMPAT": "caas"}
    del pouch.env["KAFKA_SASL_PASSWORD_FILE"]
    shown = json.loads(pouch.ok("config", "show", "-o", "json"))
    assert {name: (shown[name]["value"], shown[name]["origin"]) for name in
            ("kafka.security.protocol", "kafka.sasl.mechanisms", "kafka.sasl.password", "kafka.ssl.key.password", "kafka.linger.ms",
             "retry.attempts")} == {
        "kafka.security.protocol": ("SASL_SSL", "environment KAFKA_SASL_ENABLED"),
        "kafka.sasl.mechanisms": ("SCRAM-SHA-512", "environment KAFKA_SASL_ENABLED"),
        "kafka.sasl.password": ("***", "environment KAFKA_SASL_PASSWORD"),
        "kafka.ssl.key.password": ("***", "environment KAFKA_SSL_KEY_PASSWORD"),
        "kafka.linger.ms": ("5", "environment PRODUCER_LINGER_MS"),
        "retry.attempts": ("4", "environment MAX_RETRIES")}
    for output in ("table", "jsonl"):
        assert canary not in pouch.ok("config", "show", "-o", output)


WRONG = {
    "authority": ({"KAFKA_SSL_CA": "other"}, PERMISSION, ["certificate", "kafka.ssl.ca.location"]),
    "password": ({"KAFKA_SASL_PASSWORD_FILE": "wrong"}, PERMISSION, ["authentication", "kafka.sasl.username and its password"]),
    "mechanism": ({"KAFKA_SASL_MECHANISM": "PLAIN"}, PERMISSION, ["mechanism", "kafka.sasl.mechanisms"]),
    "plain": ({"KAFKA_SSL_ENABLED": "no", "KAFKA_SASL_ENABLED": "no"}, NO_BROKER, ["TLS or SASL", "kafka.security.protocol"]),
    "sasl without tls": ({"KAFKA_SSL_ENABLED": "0"}, NO_BROKER, ["kafka.security.protocol"]),
    "tls without sasl": ({"KAFKA_SASL_ENABLED": "off"}, NO_BROKER, ["kafka.security.protocol"]),
    "no certificate": ({"KAFKA_SASL_ENABLED": "off", "POUCH_BROKERS": "ssl"}, NO_BROKER, ["certificate", "kafka.ssl.certificate.location"]),
}


@pytest.mark.acceptance("D15")
def test_each_mistake_names_the_next_step(secure, pouch, tmp_path):
    values = {"other": str(other_authority(tmp_path)), "wrong": str(secure.password_file("wrong", "canary-55")),
              "ssl": secure.exports["KAFKA_SECURE_SSL_BROKERS"]}
    asked = {name: pouch.start("topic", "list", name=name, env={variable: values.get(value, value) for variable, value in changed.items()})
             for name, (changed, _, _) in WRONG.items()}
    for name, program in asked.items():
        _, code, words = WRONG[name]
        assert program.process.wait(5 * PATIENCE) == code, f"{name}: {program.stderr()}"
        for word in words:
            assert word in program.stderr(), f"{name}: {program.stderr()}"
        assert "canary-55" not in program.stderr()


@pytest.mark.acceptance("D13", "D14", "D15")
@pytest.mark.parametrize("variable, value", [("KAFKA_SSL_ENABLED", "perhaps"), ("KAFKA_SASL_MECHANISM", "ROT13"), ("KAFKA_SSL_CA", "/no/file"),
                                             ("PRODUCER_ACKS", "0"), ("PRODUCER_BATCH_SIZE", "lots")])
def test_a_bad_value_stops_the_start(pouch, variable, value):
    done = pouch.run("send", "anything", stdin="{}", env={variable: value})
    assert done.returncode == CONFIG
    assert variable in done.stderr and value in done.stderr


@pytest.mark.acceptance("D16")
def test_a_password_changes_under_a_running_worker(secure, pouch, tmp_path):
    """It keeps its connections until Kafka ends them; then it is refused, reads the file again and goes on."""
    user, topic = f"u{secrets.token_hex(3)}", pouch.topic()
    env = secure.user(user)
    made = pouch.run("topic", "create", "internal.dlq", "--partitions", "4", "--set", "retention.ms=2592000000")
    assert made.returncode in (0, 1), made.stderr
    for right in (("READ", "TOPIC", topic), ("READ", "GROUP", f"{topic}.workers"), ("WRITE", "TOPIC", "pouch-cli.replies"),
                  ("WRITE", "TOPIC", "internal.dlq")):
        secure.grant(user, *right)
    worker = pouch.worker(topic, "--exec", "cat", env={**env, "POUCH_RETRY_TIERS": "off"})
    assert pouch.ask(topic, {"n": 1}).returncode == 0
    secure.set_password(user, "the-new-one")
    new = {**env, "KAFKA_SASL_PASSWORD_FILE": str(secure.password_file("new", "the-new-one"))}
    wait_until(lambda: pouch.run("topic", "list", env=new).returncode == 0, "the new password being known")
    assert pouch.ask(topic, {"n": 2}).returncode == 0, worker.stderr()
    secure.password_file(user, "the-new-one")
    worker.wait_for("Authentication failed")
    assert pouch.ask(topic, {"n": 3}).returncode == 0, worker.stderr()
    assert "the-new-one" not in worker.stderr()
