/* pouch topic key and pouch topic partitions. */
#include <admin/anytext.h>
#include <base/why.h>
#include <ops/commands.h>
#include <ops/common.h>
#include <pouch/partition.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 32 };

/* name, value, …, NULL. The texts are copies of the arguments, the values within them. */
struct fields {
    char *texts[FIELDS_MAX];
    const char *list[2 * FIELDS_MAX + 1];
};

static pouch_err read_fields(const struct ops_call *call, struct fields *f) {
    for (size_t i = 1; i < call->n_args; i++) {
        char *equals, *text = f->texts[i - 1] = strdup(call->args[i]);
        if (!text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
        equals = strchr(text, '=');
        if (!equals || equals == text)
            return pl_fail(POUCH_E_CONFIG, "a field is NAME=VALUE, such as user_id=u-7, and not '%.100s'", text);
        *equals = 0;
        f->list[2 * (i - 1)] = text;
        f->list[2 * (i - 1) + 1] = equals + 1;
    }
    return POUCH_OK;
}

static int print_key(const struct ops_call *call, pouch_strategy s, const char *key) {
    if (call->output != OPS_TABLE)
        return ops_print_json(json_pack("{s:s,s:o}", "strategy", pouch_strategy_name(s), "key", admin_anytext_of(key)));
    if (key)
        puts(key);
    else
        ops_say("records by %s have no key: producers spread them over the partitions", pouch_strategy_name(s));
    return OPS_EXIT_OK;
}

static int topic_key(struct ops_call *call) {
    struct fields f = {0};
    pouch_strategy s = POUCH_STRATEGY_RANDOM;
    const char *key = NULL;
    pouch_err e = pouch_strategy_read(&s, call->args[0]);
    if (!e) e = read_fields(call, &f);
    if (!e) e = pouch_partition_key(s, f.list, &key);
    int exit_code = e ? ops_usage(call, "%s", pouch_why()) : print_key(call, s, key);
    for (size_t i = 0; i < FIELDS_MAX; i++) free(f.texts[i]);
    return exit_code ? exit_code : ops_done();
}

static int topic_partitions(struct ops_call *call) {
    pouch_strategy s = POUCH_STRATEGY_RANDOM;
    int64_t rate, keys, consumers;
    int n;
    pouch_err e = pouch_strategy_read(&s, call->args[0]);
    if (!e) e = ops_number(call, "--rate", 0, 0, INT64_MAX, &rate);
    if (!e) e = ops_number(call, "--keys", 0, 0, INT64_MAX, &keys);
    if (!e) e = ops_number(call, "--consumers", 0, 0, INT64_MAX, &consumers);
    if (!e) e = pouch_partitions_for(s, rate, keys, consumers, &n);
    if (e) return ops_usage(call, "%s", pouch_why());
    int exit_code = OPS_EXIT_OK;
    if (call->output == OPS_TABLE)
        printf("%d\n", n);
    else
        exit_code = ops_print_json(json_pack("{s:s,s:i}", "strategy", pouch_strategy_name(s), "partitions", n));
    return exit_code ? exit_code : ops_done();
}

const struct ops_command ops_topic_key = {
    .name = "topic key",
    .args = "STRATEGY NAME=VALUE…",
    .summary = "Tell the record key that a partition strategy makes of fields",
    .about = "Records of one key stay in order. The strategies are conversation_id, user_id and tenant_id,\n"
             "which take the field of their name, and random, whose records have no key. A topic of the\n"
             "catalogue says which strategy it has.\n\n"
             "  pouch topic key conversation_id tenant_id=acme conversation_id=c-456\n",
    .least = 1,
    .most = FIELDS_MAX + 1,
    .no_settings = true,
    .run = topic_key,
};

const struct ops_command ops_topic_partitions = {
    .name = "topic partitions",
    .args = "STRATEGY",
    .summary = "Tell how many partitions a topic is to have for a load",
    .about = "At least 4, one for each consumer, and one for 1,000 records a second (random: 500). By\n"
             "user_id also one for 300 keys, by tenant_id one for 10. Say the load that will come:\n"
             "partitions can be added later, but then keys move to others and their order is lost.\n\n"
             "  pouch topic partitions user_id --rate 20000 --keys 50000 --consumers 12\n",
    .flags =
        (const struct ops_flag[]){
            {"--rate", 0, "R", false, "records a second"},
            {"--keys", 0, "K", false, "how many different keys there are"},
            {"--consumers", 0, "C", false, "members of the largest group that reads it"},
            {0},
        },
    .least = 1,
    .most = 1,
    .no_settings = true,
    .run = topic_partitions,
};
