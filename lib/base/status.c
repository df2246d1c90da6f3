/*
 * status.c - texts of hc_status, for people.
 */
#include <hypercache/types.h>

const char *hc_status_text(hc_status status)
{
    switch (status) {
    case HC_OK:
        return "ok";
    case HC_ERR_INVALID:
        return "invalid argument";
    case HC_ERR_NO_MEMORY:
        return "out of memory";
    case HC_ERR_NOT_FOUND:
        return "not found";
    case HC_ERR_EXISTS:
        return "exists already";
    case HC_ERR_LIMIT:
        return "limit passed";
    case HC_ERR_UNSUPPORTED:
        return "not supported by this version";
    case HC_ERR_FULL:
        return "full";
    case HC_ERR_TYPE:
        return "value of another type";
    case HC_ERR_RANGE:
        return "number out of range";
    case HC_ERR_BUFFER:
        return "buffer too small";
    case HC_ERR_NOT_NUMBER:
        return "not a decimal integer";
    case HC_ERR_CONFLICT:
        return "condition does not hold";
    case HC_ERR_IO:
        return "input or output failed";
    case HC_ERR_CORRUPT:
        return "data is damaged";
    case HC_ERR_NO_SPACE:
        return "no space left on the disk";
    case HC_ERR_BUSY:
        return "in use by somebody else";
    }
    return "unknown status";
}
