/*
 * command_args.h - what handlers share: reading arguments, and answering with an error.
 *
 * The texts are those Redis 7.2 sends; clients match on them.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_COMMAND_ARGS_H
#define HYPERCACHE_SERVER_COMMAND_COMMAND_ARGS_H

#include "command/command.h"
#include "command/node.h"
#include "command/session.h"

#define ERROR_SYNTAX "ERR syntax error"
#define ERROR_NOT_INTEGER "ERR value is not an integer or out of range"
#define ERROR_NO_KEY "ERR no such key"
#define ERROR_STRING_SIZE "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
#define ERROR_DATABASE "ERR DB index is out of range"
#define ERROR_NO_MEMORY "OOM the system gave no memory for this command"

/* Answers with an error and counts it. */
void request_error(request *of, const char *text);
void request_errorf(request *of, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The error for a status of the store; `key` is the one written to. */
void request_fail(request *of, hc_status status, hc_span key);
/* "ERR wrong number of arguments for 'x' command" */
void request_error_arity(request *of);
void request_error_store(request *of, hc_span name); /* "ERR no store 'x', see STORES" */
void request_error_expiry(request *of);              /* "ERR invalid expire time in 'x' command" */

/* From here on the request is heard, whatever CLIENT REPLY said before. */
void request_unmute(request *of);

/* From begin to end no other command of any client runs (gate.h).  True: it was not so before, and
 * the caller ends it.  Waits for the batches of other workers, so their counters, list and locks
 * are not held. */
bool request_alone_begin(request *of);
void request_alone_end(request *of);

/* Runs one of a transaction, whose command is known and may run. */
void request_perform_queued(request *of);

/* Is `argument` the word `lower` (lower case), in any case? */
bool argument_is(hc_span argument, const char *lower);

/* A decimal integer as Redis reads it: no blanks, no plus, no leading zeros. */
bool integer_parse(hc_span text, int64_t *value_out);
/* The same, answering with ERROR_NOT_INTEGER when it is none. */
bool request_integer(request *of, hc_span text, int64_t *value_out);

/* The same for numbers that Redis keeps in 32 bits: others get an error that tells the range. */
bool request_small_integer(request *of, hc_span text, int64_t *value_out);

/* A floating point number as strtold reads it, all of it; no blanks before it, no NaN, no range
 * error. */
bool real_parse(hc_span text, long double *value_out);

/* Point in time from an argument: `value` counts `unit_ms` and starts from `base_ms`.  False when
 * that passes HC_EXPIRY_MAX_MS or overflows on the way; a time before 1970 comes out as 1, which
 * is past as well but is not HC_EXPIRY_NONE. */
bool expiry_from(int64_t value, int64_t unit_ms, int64_t base_ms, int64_t *expires_at_ms_out);

/* Answers with all lines as an array of simple strings: the replies to HELP.  The usage and HELP
 * lines are added. */
void request_help(request *of, const char *const *lines, size_t count);

/* Answers with `part` of the value of `key`, as hc_txn_get has handed it out: without copying it,
 * if that is much. */
void reply_part(request *of, hc_txn *txn, hc_span key, hc_span part);
/* Reads a string straight into the reply; null when there is no such key.
 *   HC_ERR_TYPE, HC_ERR_NO_MEMORY  and then nothing was answered */
hc_status reply_value(request *of, hc_span key);
/* hc_store_view and hc_store_begin on the session's store; quiet if it is (CLIENT NO-TOUCH). */
hc_status request_view(const request *of, hc_span key, void *scratch, size_t scratch_bytes,
                       hc_view *view_out);
static inline void request_begin(const request *of, const hc_span *keys, size_t count, hc_txn *txn)
{
    hc_store_begin(of->session->store, keys, count, txn);
    txn->quiet = !session_touches(of->session);
}
/* "string", and for a cuckoo filter the name of RedisBloom's type. */
const char *type_name(hc_type type);
/* hc_txn_get for commands on strings.
 *   HC_ERR_NOT_FOUND, HC_ERR_TYPE, HC_ERR_NO_MEMORY */
hc_status string_get(hc_txn *txn, hc_span key, hc_item *item_out);

/* Tells `worker`'s counters. */
node_counters *request_counters(const request *of);

#endif
