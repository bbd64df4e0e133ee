/* Every sub-command there is; table.c puts them in order. */
#ifndef POUCH_OPS_COMMANDS_H
#define POUCH_OPS_COMMANDS_H

#include <ops/ops.h>

/* The command table, in the order of --help, ended by NULL. */
extern const struct ops_command *const ops_commands[];

/* The title of the part of --help that a command begins; NULL: it belongs to the part of the one before. */
const char *ops_heading(const struct ops_command *command);

extern const struct ops_command ops_access_list;
extern const struct ops_command ops_access_new;
extern const struct ops_command ops_key_new;
extern const struct ops_command ops_key_list;
extern const struct ops_command ops_key_add;
extern const struct ops_command ops_key_activate;
extern const struct ops_command ops_key_retire;
extern const struct ops_command ops_seal;
extern const struct ops_command ops_open;
extern const struct ops_command ops_dev;
extern const struct ops_command ops_worker;
extern const struct ops_command ops_center;
extern const struct ops_command ops_gateway;
extern const struct ops_command ops_request;
extern const struct ops_command ops_send;
extern const struct ops_command ops_route_add;
extern const struct ops_command ops_route_list;
extern const struct ops_command ops_route_show;
extern const struct ops_command ops_route_enable;
extern const struct ops_command ops_route_disable;
extern const struct ops_command ops_route_remove;
extern const struct ops_command ops_route_stats;
extern const struct ops_command ops_route_apply;
extern const struct ops_command ops_route_history;
extern const struct ops_command ops_route_rollback;
extern const struct ops_command ops_route_import;
extern const struct ops_command ops_service_add;
extern const struct ops_command ops_service_list;
extern const struct ops_command ops_service_show;
extern const struct ops_command ops_service_remove;
extern const struct ops_command ops_service_history;
extern const struct ops_command ops_changes;
extern const struct ops_command ops_topic_create;
extern const struct ops_command ops_topic_list;
extern const struct ops_command ops_topic_describe;
extern const struct ops_command ops_topic_key;
extern const struct ops_command ops_topic_partitions;
extern const struct ops_command ops_tenant_create;
extern const struct ops_command ops_tenant_delete;
extern const struct ops_command ops_tenant_list;
extern const struct ops_command ops_tenant_topics;
extern const struct ops_command ops_event_new;
extern const struct ops_command ops_event_check;
extern const struct ops_command ops_topic_delete;
extern const struct ops_command ops_topic_orphans;
extern const struct ops_command ops_topic_catalog;
extern const struct ops_command ops_topic_check;
extern const struct ops_command ops_topic_plan;
extern const struct ops_command ops_topic_apply;
extern const struct ops_command ops_topic_set;
extern const struct ops_command ops_topic_health;
extern const struct ops_command ops_bench_request;
extern const struct ops_command ops_bench_worker;
extern const struct ops_command ops_bench_chain;
extern const struct ops_command ops_bench_route;
extern const struct ops_command ops_bench_seal;
extern const struct ops_command ops_schema_register;
extern const struct ops_command ops_schema_get;
extern const struct ops_command ops_schema_list;
extern const struct ops_command ops_schema_check;
extern const struct ops_command ops_schema_compat;
extern const struct ops_command ops_schema_delete;
extern const struct ops_command ops_schema_encode;
extern const struct ops_command ops_schema_decode;
extern const struct ops_command ops_trace;
extern const struct ops_command ops_log;
extern const struct ops_command ops_dlq_list;
extern const struct ops_command ops_dlq_show;
extern const struct ops_command ops_dlq_stats;
extern const struct ops_command ops_dlq_redrive;
extern const struct ops_command ops_dlq_dismiss;
extern const struct ops_command ops_dlq_purge;
extern const struct ops_command ops_top;
extern const struct ops_command ops_doctor;
extern const struct ops_command ops_health;
extern const struct ops_command ops_config_show;
extern const struct ops_command ops_completion;
extern const struct ops_command ops_version;

#endif
