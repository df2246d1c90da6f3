/* wait_commands.c - WAIT; wait.h has the idea. */
#include "command/command_args.h"
#include "command/handlers.h"
#include "command/wait.h"

enum { NS_PER_MS = 1000000 };

const char *wait_wish_read(const request *of, wait_wish *wish)
{
    if (!integer_parse(of->args[1], &wish->replicas)) return ERROR_NOT_INTEGER;
    if (!integer_parse(of->args[2], &wish->timeout_ms))
        return "ERR timeout is not an integer or out of range";
    if (wish->timeout_ms < 0) return "ERR timeout is negative";
    bool passes = wish->timeout_ms > INT64_MAX - node_now_ms(of->node);
    return passes ? "ERR timeout is out of range" : NULL;
}

bool wait_holds(request *of)
{
    session *who = of->session;
    wait_wish wish;
    if (wait_wish_read(of, &wish) != NULL || wish.replicas <= 0) return false;
    uint64_t now_ns = node_now_ns(of->node);
    int block = atomic_load(&who->block);
    if (block == SESSION_NOT_BLOCKED) {
        bool forever = wish.timeout_ms == 0 || wish.timeout_ms > INT64_MAX / NS_PER_MS;
        who->held_until_ns = forever ? UINT64_MAX : now_ns + (uint64_t)wish.timeout_ms * NS_PER_MS;
        atomic_store(&who->block, SESSION_BLOCKED);
        return true;
    }
    return block == SESSION_BLOCKED && now_ns < who->held_until_ns;
}

void run_wait(request *of)
{
    session *who = of->session;
    wait_wish wish;
    const char *refusal = wait_wish_read(of, &wish);
    int block = atomic_exchange(&who->block, SESSION_NOT_BLOCKED);
    who->held_until_ns = 0;
    if (refusal != NULL)
        request_error(of, refusal);
    else if (block == SESSION_LET_FAIL)
        request_error(of, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    else
        of->reply->ops->integer(of->reply, 0);
}

bool wait_end(node *of, int64_t session_id, bool fails)
{
    bool ended = false;
    pthread_mutex_lock(&of->sessions_lock);
    session *one = of->sessions;
    while (one != NULL && one->id != (uint64_t)session_id)
        one = one->next;
    if (one != NULL) {
        int blocked = SESSION_BLOCKED;
        ended = atomic_compare_exchange_strong(&one->block, &blocked,
                                               fails ? SESSION_LET_FAIL : SESSION_LET_GO);
    }
    pthread_mutex_unlock(&of->sessions_lock);
    if (ended && of->unpaused != NULL) of->unpaused(of->unpaused_ctx);
    return ended;
}
