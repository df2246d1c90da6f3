/*
 * glob.c - one place to come back to is enough.
 *
 * When a byte does not match, only the latest `*` need take one byte more: whatever an earlier one
 * could take besides, the later one can take as well.  So there is no recursion, and a match costs
 * at most pattern times text steps, on `*a*a*a*b` too (where plain recursion is exponential).
 */
#include <hypercache/glob.h>

static uint8_t fold(uint8_t byte, bool any_case)
{
    return any_case && byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

/* Is `byte` in the set whose `[` stands at *at?  *at moves behind the set; one without an end
 * reaches to the end of the pattern. */
static bool set_has(hc_span pattern, size_t *at, uint8_t byte, bool any_case)
{
    size_t i = *at + 1;
    bool negated = i < pattern.size && pattern.data[i] == '^';
    if (negated) i++;
    bool found = false;
    byte = fold(byte, any_case);
    while (i < pattern.size && pattern.data[i] != ']') {
        const uint8_t *c = &pattern.data[i];
        size_t left = pattern.size - i;
        if (c[0] == '\\' && left >= 2) {
            if (fold(c[1], any_case) == byte) found = true;
            i += 2;
        } else if (left >= 3 && c[1] == '-') {
            uint8_t low = fold(c[0], any_case), high = fold(c[2], any_case);
            if (low > high) {
                uint8_t swap = low;
                low = high;
                high = swap;
            }
            if (byte >= low && byte <= high) found = true;
            i += 3;
        } else {
            if (fold(c[0], any_case) == byte) found = true;
            i++;
        }
    }
    *at = i < pattern.size ? i + 1 : i;
    return found != negated;
}

/* Matches one byte against what stands at *at, which is not a `*`; moves *at when it does. */
static bool one_matches(hc_span pattern, size_t *at, uint8_t byte, bool any_case)
{
    size_t next = *at;
    bool matches;
    if (pattern.data[next] == '[') {
        matches = set_has(pattern, &next, byte, any_case);
    } else if (pattern.data[next] == '?') {
        matches = true;
        next++;
    } else {
        if (pattern.data[next] == '\\' && next + 1 < pattern.size) next++;
        matches = fold(pattern.data[next], any_case) == fold(byte, any_case);
        next++;
    }
    if (matches) *at = next;
    return matches;
}

static bool match(hc_span pattern, hc_span text, bool any_case)
{
    size_t p = 0, t = 0;
    size_t star_p = SIZE_MAX, star_t = 0; /* behind the latest `*`, and where it ends so far */
    while (t < text.size) {
        if (p < pattern.size && pattern.data[p] == '*') {
            star_p = ++p;
            star_t = t;
            if (p == pattern.size) return true;
        } else if (p < pattern.size && one_matches(pattern, &p, text.data[t], any_case)) {
            t++;
        } else if (star_p != SIZE_MAX) {
            p = star_p;
            t = ++star_t;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '*')
        p++;
    return p == pattern.size;
}

bool hc_glob_match(hc_span pattern, hc_span text)
{
    return match(pattern, text, false);
}

bool hc_glob_match_any_case(hc_span pattern, hc_span text)
{
    return match(pattern, text, true);
}
