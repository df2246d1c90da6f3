/* reply_mute.c - replies nobody wants: CLIENT REPLY OFF, and commands out of a file. */
#include "command/reply.h"

static void mute_text(reply *to, hc_span text)
{
    (void)to, (void)text;
}
static void mute_integer(reply *to, int64_t value)
{
    (void)to, (void)value;
}
static void mute_real(reply *to, double value)
{
    (void)to, (void)value;
}
static void mute_boolean(reply *to, bool value)
{
    (void)to, (void)value;
}
static void mute_nothing(reply *to)
{
    (void)to;
}
static uint8_t *mute_bulk(reply *to, size_t size)
{
    (void)to, (void)size;
    return NULL;
}
static void mute_count(reply *to, size_t count)
{
    (void)to, (void)count;
}
static size_t mute_pending(const reply *to)
{
    (void)to;
    return 0;
}

const reply_ops reply_mute_ops = {
    .status = mute_text,
    .error = mute_text,
    .integer = mute_integer,
    .real = mute_real,
    .boolean = mute_boolean,
    .null = mute_nothing,
    .null_array = mute_nothing,
    .bulk = mute_bulk,
    .bulk_cancel = mute_nothing,
    .verbatim = mute_text,
    .array = mute_count,
    .map = mute_count,
    .set = mute_count,
    .push = mute_count,
    .pending = mute_pending,
};
