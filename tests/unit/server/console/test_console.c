/*
 * test_console.c - the page is in the program, whole, and asks nobody else for anything.
 */
#include "support/test.h"

#include "console/console.h"

static bool contains(const console_file *file, const char *text)
{
    size_t size = strlen(text);
    for (size_t at = 0; at + size <= file->size; at++)
        if (memcmp(file->bytes + at, text, size) == 0) return true;
    return false;
}

static void test_the_page_is_html_at_the_root(void **state)
{
    (void)state;
    const console_file *page = console_find(span("/"));
    assert_non_null(page);
    assert_string_equal(page->content_type, "text/html; charset=utf-8");
    assert_memory_equal(page->bytes, "<!doctype html>", strlen("<!doctype html>"));
}

static void test_paths_that_are_not_there_are_not_found(void **state)
{
    (void)state;
    const char *paths[] = {"", "/console", "/console/", "/index.html", "/console/app.js ", "//"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_null(console_find(span(paths[i])));
}

static void test_every_file_is_found_and_has_a_tag_of_its_own(void **state)
{
    (void)state;
    assert_true(console_file_count >= 3);
    for (size_t i = 0; i < console_file_count; i++) {
        const console_file *file = &console_files[i];
        assert_ptr_equal(console_find(span(file->path)), file);
        assert_true(file->size > 0);
        size_t chars = strlen(file->etag);
        assert_true(chars > 10 && file->etag[0] == '"' && file->etag[chars - 1] == '"');
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(file->etag, console_files[k].etag);
    }
}

/* What the policy forbids would leave a page that does nothing. */
static void test_the_page_names_only_files_that_are_there(void **state)
{
    (void)state;
    const console_file *page = console_find(span("/"));
    size_t named = 0;
    for (size_t at = 0; at + 10 < page->size; at++) {
        if (memcmp(page->bytes + at, "\"/console/", 10) != 0) continue;
        const uint8_t *end = memchr(page->bytes + at + 1, '"', page->size - at - 1);
        assert_non_null(end);
        hc_span path = {page->bytes + at + 1, (size_t)(end - page->bytes) - at - 1};
        assert_non_null(console_find(path));
        named++;
    }
    assert_true(named >= 2);
    const char *forbidden[] = {"<style", "style=\"", "onclick", "onload", "http:", "https:"};
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        assert_false(contains(page, forbidden[i]));
}

static void test_no_file_of_ours_makes_markup_from_text(void **state)
{
    (void)state;
    const char *forbidden[] = {"innerHTML",      "outerHTML", "insertAdjacentHTML",
                               "document.write", "eval(",     "new Function"};
    for (size_t i = 0; i < console_file_count; i++) {
        const console_file *file = &console_files[i];
        if (strncmp(file->path, "/console/vendor/", 16) == 0) continue;
        for (size_t k = 0; k < sizeof forbidden / sizeof forbidden[0]; k++)
            assert_false(contains(file, forbidden[k]));
    }
}

static void test_the_policy_allows_nothing_but_this_server(void **state)
{
    (void)state;
    const char *policy = NULL;
    for (size_t i = 0; i < console_header_count; i++)
        if (strcmp(console_headers[i].name, "Content-Security-Policy") == 0)
            policy = console_headers[i].value;
    assert_non_null(policy);
    assert_memory_equal(policy, "default-src 'none';", strlen("default-src 'none';"));
    const char *forbidden[] = {"unsafe", "http", "*", "data:", "blob:"};
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        assert_null(strstr(policy, forbidden[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_page_is_html_at_the_root),
        cmocka_unit_test(test_paths_that_are_not_there_are_not_found),
        cmocka_unit_test(test_every_file_is_found_and_has_a_tag_of_its_own),
        cmocka_unit_test(test_the_page_names_only_files_that_are_there),
        cmocka_unit_test(test_no_file_of_ours_makes_markup_from_text),
        cmocka_unit_test(test_the_policy_allows_nothing_but_this_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
