/* tracer.c - see tracer.h. */
#include "tracer.h"

bool tracer_start(tracer *of, const hc_host *host, const config *cfg, char *why, size_t why_bytes)
{
    static const span_format formats[] = {[CONFIG_EXPORTER_OTLP] = SPAN_OTLP,
                                          [CONFIG_EXPORTER_OTLP_JSON] = SPAN_OTLP_JSON,
                                          [CONFIG_EXPORTER_ZIPKIN] = SPAN_ZIPKIN};
    hc_status status = hc_traces_create(host, 0, &of->traces);
    if (status == HC_OK && cfg->tracing.exporter != CONFIG_EXPORTER_NONE) {
        span_exporter_options options = {.traces = of->traces,
                                         .node_id = cfg->node.id,
                                         .log = host->log,
                                         .endpoint = cfg->tracing.endpoint,
                                         .format = formats[cfg->tracing.exporter]};
        status = span_exporter_start(&options, &of->exporter);
    }
    if (status == HC_OK) return true;
    if (status == HC_ERR_INVALID)
        (void)snprintf(why, why_bytes, "tracing.endpoint: %s is no http://host:port/path",
                       cfg->tracing.endpoint);
    else
        (void)snprintf(why, why_bytes, "no memory for traces");
    return false;
}

void tracer_stop(tracer *of)
{
    span_exporter_stop(of->exporter);
    hc_traces_destroy(of->traces);
    *of = (tracer){.traces = NULL};
}
