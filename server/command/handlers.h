/* handlers.h - every handler by name, for the rows of table_*.c; each is called with its arity
 * right, answers exactly once, and belongs to the file named above it. */
#ifndef HYPERCACHE_SERVER_COMMAND_HANDLERS_H
#define HYPERCACHE_SERVER_COMMAND_HANDLERS_H

#include "command/request.h"

/* connection_commands.c */
void run_auth(request *of);
void run_echo(request *of);
void run_hello(request *of);
void run_ping(request *of);
void run_quit(request *of);
void run_reset(request *of);
void run_select(request *of);

/* wait_commands.c */
void run_wait(request *of);

/* client_commands.c */
void run_client_getname(request *of);
void run_client_help(request *of);
void run_client_id(request *of);
void run_client_info(request *of);
void run_client_kill(request *of);
void run_client_list(request *of);
void run_client_no_evict(request *of);
void run_client_no_touch(request *of);
void run_client_reply(request *of);
void run_client_setinfo(request *of);
void run_client_setname(request *of);

/* command_commands.c */
void run_command(request *of);
void run_command_count(request *of);
void run_command_docs(request *of);
void run_command_getkeys(request *of);
void run_command_getkeysandflags(request *of);
void run_command_help(request *of);
void run_command_info(request *of);
void run_command_list(request *of);

/* cluster_commands.c, cluster_slot_commands.c */
void run_asking(request *of);
void run_cluster_countkeysinslot(request *of);
void run_cluster_forget(request *of);
void run_cluster_getkeysinslot(request *of);
void run_cluster_help(request *of);
void run_cluster_info(request *of);
void run_cluster_keyslot(request *of);
void run_cluster_leave(request *of);
void run_cluster_links(request *of);
void run_cluster_meet(request *of);
void run_cluster_myid(request *of);
void run_cluster_nodes(request *of);
void run_cluster_replicas(request *of);
void run_cluster_shards(request *of);
void run_cluster_slots(request *of);
void run_readonly(request *of);
void run_readwrite(request *of);

/* pubsub_commands.c */
void run_psubscribe(request *of);
void run_publish(request *of);
void run_pubsub_channels(request *of);
void run_pubsub_help(request *of);
void run_pubsub_numpat(request *of);
void run_pubsub_numsub(request *of);
void run_pubsub_shardchannels(request *of);
void run_pubsub_shardnumsub(request *of);
void run_punsubscribe(request *of);
void run_spublish(request *of);
void run_ssubscribe(request *of);
void run_subscribe(request *of);
void run_sunsubscribe(request *of);
void run_unsubscribe(request *of);

/* bit_commands.c, bitop_commands.c, bitfield_commands.c */
void run_bitcount(request *of);
void run_bitfield(request *of);
void run_bitfield_ro(request *of);
void run_bitop(request *of);
void run_bitpos(request *of);
void run_getbit(request *of);
void run_setbit(request *of);

/* lcs_commands.c */
void run_lcs(request *of);

/* string_commands.c */
void run_append(request *of);
void run_get(request *of);
void run_getdel(request *of);
void run_getrange(request *of);
void run_mget(request *of);
void run_setrange(request *of);
void run_strlen(request *of);

/* set_commands.c */
void run_getex(request *of);
void run_getset(request *of);
void run_psetex(request *of);
void run_set(request *of);
void run_setex(request *of);
void run_setnx(request *of);

/* multi_set_commands.c */
void run_mset(request *of);
void run_msetex(request *of);
void run_msetnx(request *of);

/* compare_commands.c */
void run_delex(request *of);
void run_delifeq(request *of);
void run_digest(request *of);

/* leased_commands.c, match_commands.c */
void run_hc_get(request *of);
void run_hc_set(request *of);
void run_hc_release(request *of);
void run_hc_delmatch(request *of);
void run_hc_events(request *of);
void run_hc_backup(request *of);

/* caller.c */
void run_hc_trace(request *of);

/* number_commands.c */
void run_decr(request *of);
void run_decrby(request *of);
void run_incr(request *of);
void run_incrby(request *of);
void run_incrbyfloat(request *of);

/* key_commands.c */
void run_copy(request *of);
void run_dump(request *of);
void run_restore(request *of);
void run_del(request *of);
void run_exists(request *of);
void run_move(request *of);
void run_rename(request *of);
void run_renamenx(request *of);
void run_touch(request *of);
void run_type(request *of);

/* expiry_commands.c */
void run_expire(request *of);
void run_expireat(request *of);
void run_expiretime(request *of);
void run_persist(request *of);
void run_pexpire(request *of);
void run_pexpireat(request *of);
void run_pexpiretime(request *of);
void run_pttl(request *of);
void run_ttl(request *of);

/* keyspace_commands.c */
void run_dbsize(request *of);
void run_flushall(request *of);
void run_flushdb(request *of);
void run_keys(request *of);
void run_randomkey(request *of);
void run_scan(request *of);
void run_swapdb(request *of);
void run_waitaof(request *of);
bool waitaof_holds(request *of); /* must it go on waiting? */
void run_save(request *of);
bool save_holds(request *of); /* likewise */
void run_bgsave(request *of);
void run_bgrewriteaof(request *of);
void run_lastsave(request *of);

/* client_pause_commands.c */
void run_client_pause(request *of);
void run_client_unblock(request *of);
void run_client_unpause(request *of);

/* tracking_commands.c */
void run_client_caching(request *of);
void run_client_getredir(request *of);
void run_client_tracking(request *of);
void run_client_trackinginfo(request *of);

/* transaction_commands.c */
void run_discard(request *of);
void run_exec(request *of);
void run_multi(request *of);
void run_unwatch(request *of);
void run_watch(request *of);

/* store_commands.c */
void run_store_create(request *of);
void run_store_drop(request *of);
void run_store_help(request *of);
void run_store_info(request *of);
void run_store_list(request *of);

/* filter_commands.c, filter_add_commands.c */
void run_cf_add(request *of);
void run_cf_addnx(request *of);
void run_cf_count(request *of);
void run_cf_del(request *of);
void run_cf_exists(request *of);
void run_cf_info(request *of);
void run_cf_insert(request *of);
void run_cf_insertnx(request *of);
void run_cf_mexists(request *of);
void run_cf_reserve(request *of);

/* memory_commands.c */
void run_memory_doctor(request *of);
void run_memory_help(request *of);
void run_memory_malloc_stats(request *of);
void run_memory_purge(request *of);
void run_memory_stats(request *of);
void run_memory_usage(request *of);

/* debug_commands.c */
void run_debug(request *of);

/* slowlog_commands.c, latency_commands.c */
void run_latency_doctor(request *of);
void run_latency_graph(request *of);
void run_latency_help(request *of);
void run_latency_histogram(request *of);
void run_latency_history(request *of);
void run_latency_latest(request *of);
void run_latency_reset(request *of);
void run_slowlog_get(request *of);
void run_slowlog_help(request *of);
void run_slowlog_len(request *of);
void run_slowlog_reset(request *of);

/* inspect_commands.c */
void run_object_encoding(request *of);
void run_object_freq(request *of);
void run_object_help(request *of);
void run_object_idletime(request *of);
void run_object_refcount(request *of);

/* server_commands.c, info_commands.c, config_commands.c */
void run_config_get(request *of);
void run_config_help(request *of);
void run_config_resetstat(request *of);
void run_config_rewrite(request *of);
void run_config_set(request *of);
void run_info(request *of);
void run_lolwut(request *of);
void run_monitor(request *of);
void run_role(request *of);
void run_shutdown(request *of);
void run_time(request *of);

#endif
