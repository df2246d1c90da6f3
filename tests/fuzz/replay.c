/*
 * replay.c - runs a fuzz target once over each file of its corpus, without a fuzzer.
 *
 * Arguments are files and folders (their files, not deeper).  Each fuzz_*.c is linked with this
 * main in every build but build/fuzz, so that what fuzzing once found stays found in `make test`.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_BYTES_MAX (64u << 20)
#define PATH_BYTES_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Runs the target on the content of the file at `path`, 0 when that worked. */
static int replay_file(const char *path)
{
    int result = -1;
    uint8_t *bytes = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) goto out;
    struct stat info;
    if (fstat(fileno(file), &info) != 0 || (uint64_t)info.st_size > INPUT_BYTES_MAX) goto out;
    size_t size = (size_t)info.st_size;
    bytes = malloc(size == 0 ? 1 : size); /* exactly as large as the input: ASan sees past it */
    if (bytes == NULL || fread(bytes, 1, size, file) != size) goto out;
    LLVMFuzzerTestOneInput(bytes, size);
    result = 0;
out:
    if (result != 0) fprintf(stderr, "%s: %s\n", path, strerror(errno));
    free(bytes);
    if (file != NULL) fclose(file);
    return result;
}

/* Runs the files of a folder; adds to *count what was run. */
static int replay_folder(const char *path, size_t *count)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    int result = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char name[PATH_BYTES_MAX];
        struct stat info;
        int length = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof name)
            result = -1;
        else if (stat(name, &info) == 0 && S_ISREG(info.st_mode)) {
            result |= replay_file(name);
            (*count)++;
        }
    }
    closedir(folder);
    return result;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    int result = 0;
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode)) {
            result |= replay_folder(argv[i], &count);
        } else {
            result |= replay_file(argv[i]);
            count++;
        }
    }
    printf("%zu inputs\n", count);
    return result == 0 && count > 0 ? 0 : 1;
}
