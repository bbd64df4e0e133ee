#include "settings_text.h"

#include <stddef.h>

const char settings_before[] =
    "An option has one name. It can be given in four places; the first that gives it wins:\n";

const char *const settings_places[] = {
    "the command line, or `pouch_options_set()` in a program",
    "the environment variable `POUCH_` and the name in upper case, with `_` for each dot",
    "for a few options the variable that services on Kafka commonly share",
    "the file named by `--config` or `POUCH_CONFIG`",
    NULL,
};

const char settings_after[] =
    "An empty variable counts as absent. `pouch config show` prints each value in force and where it\n"
    "came from.\n";

const char settings_file[] =
    "YAML; nested maps and dotted names mean the same. A key that is no option, a key given twice, or\n"
    "a value out of bounds is an error that names file, line and key. Anchors, aliases and tags are not\n"
    "taken. A file has at most 1 MiB.\n";

const char settings_file_example[] = "brokers: [kafka-1:9092, kafka-2:9092]\n"
                                     "client.id: billing\n"
                                     "key.file: keys/ring          # relative to the folder of this file\n"
                                     "worker:\n"
                                     "  concurrency: 16\n"
                                     "  max_in_flight_bytes: 64MiB\n"
                                     "kafka:                       # any property of librdkafka\n"
                                     "  security.protocol: SASL_SSL\n"
                                     "  sasl: {mechanism: SCRAM-SHA-512, username: billing, password: \"...\"}\n";

const char settings_kafka[] =
    "Properties under `kafka` go to librdkafka as they are; on the command line they are\n"
    "`-X name=value`, in a program `pouch_options_set(o, \"kafka.name\", value)`. Of them SASL, TLS and some\n"
    "others have variables: docs/configuration.md, SASL and TLS. A command line can be read by everybody on\n"
    "the host: passwords go into the file or into variables.\n"
    "The values of passwords, secrets and private keys are never shown.\n";

const char settings_key[] =
    "`key.file` names the key ring. Without it the one key comes from the variable `ENCRYPTION_KEY`, 64\n"
    "hexadecimal characters, which is no option: a key is in no settings file and on no command line.\n";

const struct settings_kind settings_kinds[] = {
    {"text", "without control characters; in the file also a list, which is joined by commas"},
    {"name", "letters, digits, dot, underscore and dash"},
    {"path", "relative to the file that gives it, elsewhere to the working folder"},
    {"switch", "`on` or `off`; `true`, `yes`, `1` and `false`, `no`, `0` as well, in upper or lower case"},
    {"count", "digits"},
    {"size", "digits and `B`, `KiB`, `MiB` or `GiB`; digits alone are bytes"},
    {"duration", "digits and `ms`, `s`, `m`, `h` or `d`; digits alone are milliseconds"},
    {NULL, NULL},
};

const char settings_seeds[] =
    "They are weaker than `POUCH_` variables and stronger than the file. A value that is not "
    "allowed stops the start and is\n"
    "told by its variable. Names that do not say whose they are, such as `LOG_LEVEL` and `PORT`, are "
    "read with their `compat` alone.\n";

const struct settings_kind settings_no_seeds[] = {
    {"JMX_PORT", "there is no JVM; metrics are at `/metrics` of `--listen`"},
    {"NODE_ENV", "there is one way to run"},
    {NULL, NULL},
};

const char settings_security[] =
    "The first two are switches (`false`, `no`, `off` and `0` are off) and decide `kafka.security.protocol` together: "
    "`SASL_SSL`,\n"
    "`SASL_PLAINTEXT`, `SSL` or `PLAINTEXT`. The others are looked at when theirs is on.\n";

const struct settings_kind settings_security_variables[] = {
    {"KAFKA_SASL_ENABLED", "log in with a name and a password"},
    {"KAFKA_SSL_ENABLED", "TLS"},
    {"KAFKA_SASL_MECHANISM", "`SCRAM-SHA-512` (unless set), `SCRAM-SHA-256` or `PLAIN`, in upper or lower case"},
    {"KAFKA_SASL_USERNAME", "who we are"},
    {"KAFKA_SASL_PASSWORD_FILE", "a file of this user alone (mode 600) whose first line is the password"},
    {"KAFKA_SASL_PASSWORD",
     "the password, where there is no such file; handlers that `pouch worker` starts do not see it"},
    {"KAFKA_SSL_CA", "PEM file of the authorities that sign brokers; unset, those of the system"},
    {"KAFKA_SSL_CERTIFICATE", "PEM file of our own certificate, for brokers that want one"},
    {"KAFKA_SSL_KEY", "PEM file of its key"},
    {"KAFKA_SSL_KEY_PASSWORD_FILE", "a file of this user alone whose first line unlocks the key"},
    {"KAFKA_SSL_KEY_PASSWORD", "the same in a variable"},
    {NULL, NULL},
};
