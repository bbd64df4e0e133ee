"""A broker that allows nobody anything without an ACL: its users, and what they may do, as the Python client sees it."""

import secrets
import subprocess

from conftest import wait_until
from confluent_kafka import Producer
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, ResourcePatternType,
                                   ResourceType, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion)

ROUNDS = 4096  # the least that Kafka takes; more would only make log-ins slower


class Secure:
    def __init__(self, exports, folder):
        self.exports, self.folder = exports, folder
        login = {"bootstrap.servers": exports["KAFKA_SECURE_BROKERS"], "security.protocol": "SASL_SSL", "sasl.mechanisms": "SCRAM-SHA-512",
                 "ssl.ca.location": exports["KAFKA_SECURE_CA"], "sasl.username": exports["KAFKA_SECURE_USERNAME"],
                 "sasl.password": exports["KAFKA_SECURE_PASSWORD"], "log_level": 0}
        self.admin, self.producer = AdminClient(login), Producer(login)

    def produce(self, topic, *values):
        for value in values:
            self.producer.produce(topic, value)
        assert self.producer.flush(60) == 0

    def password_file(self, name, password):
        path = self.folder / f"{name}.password"
        path.touch(0o600)
        path.write_text(f"{password}\n")
        return path

    def set_password(self, name, password):
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ROUNDS)
        change = UserScramCredentialUpsertion(name, info, password.encode())
        for done in self.admin.alter_user_scram_credentials([change]).values():
            done.result(60)

    def user(self, name):
        """A new user, who may do nothing: the variables that make a program it."""
        password = secrets.token_hex(8)
        self.set_password(name, password)
        return self.environment(name, self.password_file(name, password))

    def superuser(self):
        name, password = self.exports["KAFKA_SECURE_USERNAME"], self.exports["KAFKA_SECURE_PASSWORD"]
        return self.environment(name, self.password_file(name, password))

    def environment(self, name, password_file):
        return {"KAFKA_SASL_ENABLED": "true", "KAFKA_SASL_USERNAME": name, "KAFKA_SASL_PASSWORD_FILE": str(password_file),
                "KAFKA_SSL_ENABLED": "true", "KAFKA_SSL_CA": self.exports["KAFKA_SECURE_CA"]}

    def acls(self, *principals):
        """What there is for these principals: (principal, operation, kind, name, prefixed, host)."""
        everything = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)
        return {(acl.principal.removeprefix("User:"), acl.operation.name, acl.restype.name, acl.name,
                 acl.resource_pattern_type == ResourcePatternType.PREFIXED, acl.host)
                for acl in self.admin.describe_acls(everything).result(60)
                if not principals or acl.principal.removeprefix("User:") in principals}

    def grant(self, principal, operation, kind, name, prefixed=False, host="*"):
        """Until the broker goes by it; by then it knows each user that was made before as well."""
        pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
        acl = AclBinding(ResourceType[kind], name, pattern, f"User:{principal}", host, AclOperation[operation], AclPermissionType.ALLOW)
        for done in self.admin.create_acls([acl]).values():
            done.result(60)
        wait_until(lambda: (principal, operation, kind, name, prefixed, host) in self.acls(principal), "the broker knowing of a right")

    def revoke(self, principal, operation, kind, name, prefixed=False, host="*"):
        pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
        acl = AclBindingFilter(ResourceType[kind], name, pattern, f"User:{principal}", host, AclOperation[operation], AclPermissionType.ALLOW)
        for done in self.admin.delete_acls([acl]).values():
            done.result(60)
        wait_until(lambda: (principal, operation, kind, name, prefixed, host) not in self.acls(principal), "the broker knowing that a right is gone")


def other_authority(folder):
    """The certificate of an authority that has signed nothing here."""
    path = folder / "other-ca.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null",
                    "-subj", "/CN=Somebody else", "-days", "2", "-out", path], check=True, capture_output=True)
    return path
