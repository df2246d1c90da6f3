/*
 * client_metrics.c - connections, bytes and messages.
 */
#include "command/pubsub.h"
#include "metrics/collectors.h"

static const hc_metric_family connections = {
    .name = "hypercache_connections", .kind = HC_METRIC_GAUGE, .help = "Clients connected now."};
static const hc_metric_family connections_max = {
    .name = "hypercache_connections_limit",
    .kind = HC_METRIC_GAUGE,
    .help =
        "Clients that may be connected: network.max_clients, or fewer if descriptors are short."};
static const hc_metric_family parked = {
    .name = "hypercache_parked_clients",
    .kind = HC_METRIC_GAUGE,
    .help = "Clients whose next command waits: paused, for the log, or in WAIT."};
static const hc_metric_family subscribers = {.name = "hypercache_pubsub_clients",
                                             .kind = HC_METRIC_GAUGE,
                                             .help = "Clients with a subscription."};

/* Counters of the workers, each a family. */
#define CLIENT_COUNTERS(X)                                                                         \
    X(connections, "hypercache_connections_accepted", "Connections accepted.")                     \
    X(connections_rejected, "hypercache_connections_rejected",                                     \
      "Connections refused at the limit.")                                                         \
    X(input_bytes, "hypercache_network_receive_bytes", "Bytes read from clients.")                 \
    X(output_bytes, "hypercache_network_transmit_bytes", "Bytes written to clients.")              \
    X(protocol_errors, "hypercache_protocol_errors", "Requests that were no valid protocol.")      \
    X(pushes, "hypercache_pushes", "Messages sent that were not asked for one by one.")            \
    X(push_overflows, "hypercache_output_overflows",                                               \
      "Clients closed because too much waited for them.")

void client_metrics(void *ctx, hc_metrics_page *page)
{
    node *of = ((exposition *)ctx)->options.node;
    node_counters totals;
    node_totals(of, &totals);
#define TELL(field, family_name, family_help)                                                      \
    {                                                                                              \
        static const hc_metric_family family = {                                                   \
            .name = family_name, .kind = HC_METRIC_COUNTER, .help = family_help};                  \
        tell_count(page, &family, atomic_load_explicit(&totals.field, memory_order_relaxed));      \
    }
    CLIENT_COUNTERS(TELL)
#undef TELL
    tell_count(page, &connections, node_session_count(of));
    tell_count(page, &connections_max, of->options.clients_max);
    tell_count(page, &parked, atomic_load_explicit(&of->parked, memory_order_relaxed));
    tell_count(page, &subscribers, pubsub_sessions(of));
}
