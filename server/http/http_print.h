/*
 * http_print.h - answers of commands as JSON.
 */
#ifndef HYPERCACHE_SERVER_HTTP_HTTP_PRINT_H
#define HYPERCACHE_SERVER_HTTP_HTTP_PRINT_H

#include "http/http_answer.h"
#include "http/http_json.h"

/* Any answer, nothing of it lost: texts as strings or {"base64": ...}, numbers as numbers or, past
 * 2^53, {"integer": "..."}, null, true, arrays, {"status": ...}, {"error": ...},
 * {"map": [[key, value], ...]}.  Returns the entry behind it. */
size_t answer_put(json_out *to, const http_answer *of, size_t at);
/* One that we know to be of plain texts: maps as objects, "-1" stays a text. */
size_t answer_put_plain(json_out *to, const http_answer *of, size_t at);

/* "# Section\r\nname:value\r\n..." as {"section": {"name": value}}; values that are numbers become
 * numbers. */
void info_put(json_out *to, hc_span info);
/* Fields with '=' and blanks between, as "id=3 addr=...", likewise, as members of an object. */
void fields_put(json_out *to, hc_span line);

#endif
