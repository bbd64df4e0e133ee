/* The command table: what the parser knows, and what man pages and completions are made from. */
#include <ops/commands.h>

/* clang-format off */
const struct ops_command *const ops_commands[] = {
    &ops_request,
    &ops_send,
    &ops_worker,
    &ops_dev,
    &ops_key_new,
    &ops_seal,
    &ops_open,
    &ops_topic_create,
    &ops_topic_list,
    &ops_topic_describe,
    &ops_topic_delete,
    &ops_dlq_list,
    &ops_dlq_show,
    &ops_config_show,
    &ops_bench_request,
    &ops_bench_worker,
    &ops_bench_seal,
    &ops_completion,
    &ops_version,
    NULL,
};
