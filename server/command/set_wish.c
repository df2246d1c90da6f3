/* set_wish.c - see set_wish.h. */
#include "command/set_wish.h"

#include "command/command_args.h"

static const struct {
    const char *name;
    int64_t unit_ms;
    bool absolute;
} expiry_forms[] = {[EXPIRY_NOT_GIVEN] = {"", 0, false},
                    [EXPIRY_EX] = {"ex", 1000, false},
                    [EXPIRY_PX] = {"px", 1, false},
                    [EXPIRY_EXAT] = {"exat", 1000, true},
                    [EXPIRY_PXAT] = {"pxat", 1, true}};

bool set_wish_take_expiry(set_wish *wish, const request *of, size_t at)
{
    if (wish->keep_expiry || wish->persist || at + 1 >= of->argc) return false;
    for (expiry_form form = EXPIRY_EX; form <= EXPIRY_PXAT; form++) {
        if (!argument_is(of->args[at], expiry_forms[form].name)) continue;
        if (wish->form != EXPIRY_NOT_GIVEN && wish->form != form) return false;
        wish->form = form;
        wish->expiry = of->args[at + 1];
        return true;
    }
    return false;
}

bool set_wish_take_flag(set_wish *wish, hc_span argument)
{
    bool tested = wish->test.kind != VALUE_TEST_NONE;
    if (argument_is(argument, "nx") && wish->condition != HC_IF_PRESENT && !tested)
        wish->condition = HC_IF_ABSENT;
    else if (argument_is(argument, "xx") && wish->condition != HC_IF_ABSENT && !tested)
        wish->condition = HC_IF_PRESENT;
    else if (argument_is(argument, "keepttl") && wish->form == EXPIRY_NOT_GIVEN)
        wish->keep_expiry = true;
    else
        return false;
    return true;
}

bool set_wish_take_test(set_wish *wish, const request *of, size_t at)
{
    if (wish->condition != HC_IF_ALWAYS || at + 1 >= of->argc) return false;
    value_test_kind kind = value_test_named(of->args[at]);
    if (kind == VALUE_TEST_NONE) return false;
    if (wish->test.kind != VALUE_TEST_NONE && wish->test.kind != kind) return false;
    wish->test = (value_test){kind, of->args[at + 1]};
    return true;
}

bool set_wish_expiry(const set_wish *wish, request *of, int64_t *expires_at_ms_out)
{
    *expires_at_ms_out = HC_EXPIRY_NONE;
    if (wish->form == EXPIRY_NOT_GIVEN) return true;
    int64_t value;
    if (!request_integer(of, wish->expiry, &value)) return false;
    int64_t base_ms = expiry_forms[wish->form].absolute ? 0 : node_now_ms(of->node);
    int64_t unit_ms = expiry_forms[wish->form].unit_ms;
    if (value > 0 && expiry_from(value, unit_ms, base_ms, expires_at_ms_out)) return true;
    request_error_expiry(of);
    return false;
}
