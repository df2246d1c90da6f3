/* trace_context.c - ids as hex, traceparent, and a span's attributes. */
#include <hypercache/trace.h>

#include <string.h>

#define TRACEPARENT_BYTES (HC_TRACEPARENT_CHARS - 1)
#define ID_DIGITS (HC_TRACE_ID_CHARS - 1)
#define UUID_CHARS 36u

/* ---- hex ---- */

static void hex_put(const uint8_t *bytes, size_t count, char *to)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        to[2 * i] = digits[bytes[i] >> 4];
        to[2 * i + 1] = digits[bytes[i] & 15];
    }
}

static int digit_of(uint8_t c, bool any_case)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (any_case && c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* False: there is another character among them. */
static bool hex_take(const uint8_t *text, size_t bytes, bool any_case, uint8_t *to)
{
    for (size_t i = 0; i < bytes; i++) {
        int high = digit_of(text[2 * i], any_case), low = digit_of(text[2 * i + 1], any_case);
        if (high < 0 || low < 0) return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++)
        any |= bytes[i];
    return any == 0;
}

void hc_trace_id_text(const uint8_t id[HC_TRACE_ID_BYTES], char text[HC_TRACE_ID_CHARS])
{
    hex_put(id, HC_TRACE_ID_BYTES, text);
    text[HC_TRACE_ID_CHARS - 1] = '\0';
}

void hc_span_id_text(const uint8_t id[HC_SPAN_ID_BYTES], char text[HC_SPAN_ID_CHARS])
{
    hex_put(id, HC_SPAN_ID_BYTES, text);
    text[HC_SPAN_ID_CHARS - 1] = '\0';
}

bool hc_trace_id_parse(hc_span text, uint8_t id[HC_TRACE_ID_BYTES])
{
    uint8_t digits[ID_DIGITS], found[HC_TRACE_ID_BYTES];
    size_t count = 0;
    if (text.size != ID_DIGITS && text.size != UUID_CHARS) return false;
    for (size_t i = 0; i < text.size; i++) {
        bool dash = text.size == UUID_CHARS && (i == 8 || i == 13 || i == 18 || i == 23);
        if (dash != (text.data[i] == '-')) return false;
        if (!dash) digits[count++] = text.data[i];
    }
    if (!hex_take(digits, HC_TRACE_ID_BYTES, true, found) || is_zero(found, sizeof found))
        return false;
    memcpy(id, found, sizeof found);
    return true;
}

/* ---- traceparent ---- */

bool hc_traceparent_parse(hc_span text, hc_trace_context *context_out, bool *sampled_out)
{
    uint8_t version, flags;
    hc_trace_context found;
    const uint8_t *at = text.data;
    if (text.size < TRACEPARENT_BYTES) return false;
    if (at[2] != '-' || at[35] != '-' || at[52] != '-') return false;
    if (!hex_take(at, 1, false, &version) || version == 0xff) return false;
    bool longer = text.size > TRACEPARENT_BYTES;
    if (longer && (version == 0 || at[TRACEPARENT_BYTES] != '-')) return false;
    if (!hex_take(at + 3, HC_TRACE_ID_BYTES, false, found.trace_id) ||
        !hex_take(at + 36, HC_SPAN_ID_BYTES, false, found.span_id) ||
        !hex_take(at + 53, 1, false, &flags)) {
        return false;
    }
    if (is_zero(found.trace_id, sizeof found.trace_id) ||
        is_zero(found.span_id, sizeof found.span_id)) {
        return false;
    }
    *context_out = found;
    *sampled_out = (flags & 1) != 0;
    return true;
}

void hc_traceparent_text(const hc_trace_context *context, bool sampled,
                         char text[HC_TRACEPARENT_CHARS])
{
    memcpy(text, "00-", 3);
    hex_put(context->trace_id, HC_TRACE_ID_BYTES, text + 3);
    text[35] = '-';
    hex_put(context->span_id, HC_SPAN_ID_BYTES, text + 36);
    memcpy(text + 52, sampled ? "-01" : "-00", 4);
}

/* ---- a span's words ---- */

void hc_trace_name(hc_trace_span *of, hc_span name)
{
    size_t bytes = name.size < HC_TRACE_NAME_CHARS ? name.size : HC_TRACE_NAME_CHARS - 1;
    if (bytes > 0) memcpy(of->name, name.data, bytes);
    of->name[bytes] = '\0';
}

static hc_trace_attribute *attribute_add(hc_trace_span *to, const char *name)
{
    if (to->attribute_count == HC_TRACE_ATTRIBUTES_MAX) return NULL;
    hc_trace_attribute *made = &to->attributes[to->attribute_count++];
    *made = (hc_trace_attribute){.name = name};
    return made;
}

void hc_trace_text(hc_trace_span *to, const char *name, hc_span text)
{
    size_t room = HC_TRACE_TEXT_BYTES - to->text_bytes;
    hc_trace_attribute *made = attribute_add(to, name);
    if (made == NULL) return;
    made->is_text = true;
    made->text_at = to->text_bytes;
    made->text_bytes = (uint16_t)(text.size < room ? text.size : room);
    if (made->text_bytes > 0) memcpy(to->text + made->text_at, text.data, made->text_bytes);
    to->text_bytes = (uint16_t)(to->text_bytes + made->text_bytes);
}

void hc_trace_number(hc_trace_span *to, const char *name, int64_t number)
{
    hc_trace_attribute *made = attribute_add(to, name);
    if (made != NULL) made->number = number;
}
