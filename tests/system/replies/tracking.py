"""tracking.py - client-side caching, and commands that hold other clients up."""
from reply_rows import *

INVALID_K = Push(["invalidate", ["k"]])
OFF = {"flags": Set(["off"]), "redirect": -1, "prefixes": []}
NO_SUCH = Error("ERR The client ID you want redirect to does not exist")
CACHING_OFF = Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT "
                    "mode enabled")


def info(flags, redirect=0, prefixes=()):
    return {"flags": Set(flags), "redirect": redirect, "prefixes": list(prefixes)}


PUSHED_ROWS = [
    row("CLIENT TRACKING on", OK, resp=3, then=[
        "GET k", NULL, "2> SET k v", OK, "<", INVALID_K, "2> SET k w", OK, "GET k", "w", "2> DEL k", 1, "<", INVALID_K]),
    row("CLIENT TRACKING on", OK, resp=3, then=["GET k", NULL, "2> FLUSHALL", OK, "<", Push(["invalidate", NULL])]),
    row("CLIENT TRACKING on", OK, resp=3, then=["MGET k other", [NULL, NULL], "2> SET k v", OK, "<", INVALID_K]),
    row("CLIENT TRACKING on NOLOOP", OK, resp=3, then=["GET k", NULL, "SET k v", OK, "GET k", "v", "2> SETBIT k 1 0", 1,
                                                       "<", INVALID_K]),
    row("CLIENT TRACKING on BCAST PREFIX k", OK, resp=3, then=["2> SET other v", OK, "2> SET k v", OK, "<", INVALID_K]),
    row("CLIENT TRACKING on OPTIN", OK, resp=3, then=[
        "GET other", NULL, "CLIENT CACHING yes", OK, "GET k", NULL, "2> MSET other v k v", OK, "<", INVALID_K]),
    row("CLIENT TRACKING on OPTOUT", OK, resp=3, then=[
        "CLIENT CACHING no", OK, "GET other", NULL, "GET k", NULL, "2> MSET other v k v", OK, "<", INVALID_K]),
    row("CLIENT TRACKING on", OK, resp=3, then=["GET k", NULL, "CLIENT TRACKING off", OK, "2> SET k v", OK]),
]

STATE_ROWS = [
    row("CLIENT TRACKINGINFO", OFF),
    row("CLIENT TRACKING ON", OK, then=["CLIENT TRACKINGINFO", info(["on"]), "CLIENT GETREDIR", 0,
                                        "CLIENT TRACKING off", OK, "CLIENT TRACKINGINFO", OFF]),
    row("CLIENT TRACKING on BCAST PREFIX a", OK, then=["CLIENT TRACKINGINFO", info(["on", "bcast"], 0, ["a"])]),
    row("CLIENT TRACKING on OPTIN NOLOOP", OK, then=["CLIENT TRACKINGINFO", info(["on", "optin", "noloop"]),
                                                     "CLIENT CACHING yes", OK, "CLIENT TRACKINGINFO",
                                                     info(["on", "optin", "caching-yes", "noloop"])]),
    row("CLIENT TRACKING on REDIRECT 999999999", NO_SUCH),
    row("CLIENT TRACKING on PREFIX a", Error("ERR PREFIX option requires BCAST mode to be enabled")),
    row("CLIENT TRACKING on BCAST PREFIX a PREFIX ab", Error(
        "ERR Prefix 'a' overlaps with another provided prefix 'ab'. Prefixes for a single client must not overlap.")),
    row("CLIENT TRACKING on OPTIN OPTOUT", Error("ERR You can't specify both OPTIN mode and OPTOUT mode")),
    row("CLIENT TRACKING on OPTIN BCAST", Error("ERR OPTIN and OPTOUT are not compatible with BCAST")),
    row("CLIENT TRACKING on BCAST", error_like("ERR You can't switch BCAST mode on/off .*"), setup="CLIENT TRACKING on"),
    row("CLIENT TRACKING maybe", SYNTAX),
    row("CLIENT TRACKING on what", SYNTAX),
    row("CLIENT TRACKING", arity("client|tracking")),
    row("CLIENT TRACKINGINFO x", arity("client|trackinginfo")),
    row("CLIENT GETREDIR", -1),
    row("CLIENT CACHING yes", CACHING_OFF),
    row("CLIENT CACHING maybe", SYNTAX, setup="CLIENT TRACKING on OPTIN"),
    row("CLIENT CACHING no", Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."),
        setup="CLIENT TRACKING on OPTIN"),
    row("CLIENT CACHING yes", Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."),
        setup="CLIENT TRACKING on OPTOUT"),
    row("CLIENT CACHING", arity("client|caching")),
]

PAUSE_ROWS = [
    row("CLIENT PAUSE 100000 WRITE", OK, then=["GET k", NULL, "CLIENT UNPAUSE", OK, "SET k v", OK], alone=True),
    row("CLIENT PAUSE 0", OK, then=["GET k", NULL], alone=True),
    row("CLIENT PAUSE -1", Error("ERR timeout is negative")),
    row("CLIENT PAUSE x", Error("ERR timeout is not an integer or out of range")),
    row("CLIENT PAUSE 1 what", Error("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    row("CLIENT PAUSE", arity("client|pause")),
    row("CLIENT UNPAUSE", OK),
    row("CLIENT UNPAUSE x", arity("client|unpause")),
    row("CLIENT UNBLOCK 999999999", 0),
    row("CLIENT UNBLOCK 999999999 TIMEOUT", 0),
    row("CLIENT UNBLOCK 999999999 error", 0),
    row("CLIENT UNBLOCK 999999999 what", Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    row("CLIENT UNBLOCK x", NOT_INTEGER),
    row("CLIENT UNBLOCK", arity("client|unblock")),
]

ROWS = PUSHED_ROWS + STATE_ROWS + PAUSE_ROWS
