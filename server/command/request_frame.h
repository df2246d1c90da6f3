/*
 * request_frame.h - a request as a capture keeps it: as RESP has it, without what is nobody's
 * business.
 *
 *     passwords                "(redacted)"
 *     logging.keys: hashed     keys become 16 hex digits, of all else but names only the size is
 * told logging.keys: off        keys become "(key)", else likewise
 */
#ifndef HYPERCACHE_SERVER_COMMAND_REQUEST_FRAME_H
#define HYPERCACHE_SERVER_COMMAND_REQUEST_FRAME_H

#include "command/request.h"
#include "debug/capture.h"

/* Notes a request that has run; its arguments are still there. */
void capture_request(capture *to, const capture_talk *talk, const request *of);
/* Notes what was sent; the bytes themselves only while keys are shown. */
void capture_reply(capture *to, const capture_talk *talk, const node *on, const void *data,
                   size_t size);

#endif
