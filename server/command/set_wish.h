/*
 * set_wish.h - the options that SET and its relatives share: expiry, condition, KEEPTTL, GET.
 *
 * Each command walks its arguments and offers each one to the functions that take what it allows;
 * one that nobody takes is a syntax error.  Times are read last, after the whole list was found
 * right, as Redis does.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_SET_WISH_H
#define HYPERCACHE_SERVER_COMMAND_SET_WISH_H

#include "command/request.h"
#include "command/value_test.h"

/* How a time can be given. */
typedef enum expiry_form {
    EXPIRY_NOT_GIVEN = 0,
    EXPIRY_EX,
    EXPIRY_PX,
    EXPIRY_EXAT,
    EXPIRY_PXAT
} expiry_form;

/* All zero: write always, no expiry. */
typedef struct set_wish {
    expiry_form form;
    hc_span expiry;            /* as given, when there is a form */
    bool keep_expiry, persist; /* KEEPTTL, PERSIST */
    bool get;
    hc_condition condition;
    value_test test; /* IFEQ and the like; never with a condition */
} set_wish;

/* Is args[at] an expiry option with a number after it?  Then both are taken; the same one again
 * replaces it. */
bool set_wish_take_expiry(set_wish *wish, const request *of, size_t at);
/* NX or XX, KEEPTTL. */
bool set_wish_take_flag(set_wish *wish, hc_span argument);
/* Is args[at] a value test with its operand after it?  Then both are taken. */
bool set_wish_take_test(set_wish *wish, const request *of, size_t at);

/* Reads the time: answers with the error and returns false when it is none. */
bool set_wish_expiry(const set_wish *wish, request *of, int64_t *expires_at_ms_out);

#endif
