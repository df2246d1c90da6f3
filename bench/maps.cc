// maps.cc - other people's maps behind engine.h: Abseil, the standard library, GLib, uthash.
//
// Each holds what a program would naturally put there for keys and values of any size: two
// std::string, two allocated byte strings, or a node with both inside.  Lookups allocate nothing.
#include "engine.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>
#include <glib.h>
#include <string.h>
#include <uthash.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace
{

// Abseil's and the standard library's string_view are two types in Debian 12.
template <class text = std::string_view> text view(const uint8_t *bytes, size_t size)
{
    return text(reinterpret_cast<const char *>(bytes), size);
}

// ---- absl::flat_hash_map<std::string, std::string> and std::unordered_map of the same ----

using absl_map = absl::flat_hash_map<std::string, std::string>;

struct view_hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
using std_map = std::unordered_map<std::string, std::string, view_hash, std::equal_to<>>;

template <class map> void *map_create()
{
    return new map;
}

template <class map> void map_destroy(void *self)
{
    delete static_cast<map *>(self);
}

template <class map, class text>
void map_set(void *self, const uint8_t *key, size_t key_bytes, const uint8_t *value,
             size_t value_bytes)
{
    auto &into = *static_cast<map *>(self);
    auto found = into.find(view<text>(key, key_bytes));
    if (found != into.end())
        found->second.assign(reinterpret_cast<const char *>(value), value_bytes);
    else
        into.emplace(view<text>(key, key_bytes), view<text>(value, value_bytes));
}

template <class map, class text>
bool map_get(void *self, const uint8_t *key, size_t key_bytes, uint8_t *value)
{
    auto &from = *static_cast<map *>(self);
    auto found = from.find(view<text>(key, key_bytes));
    if (found == from.end()) return false;
    memcpy(value, found->second.data(), found->second.size());
    return true;
}

// Abseil can prefetch a key's slot group; the strings behind it are still found one by one.
size_t absl_get_ahead(void *self, const uint8_t *keys, size_t key_bytes, size_t count,
                      uint8_t *values, size_t stride)
{
    auto &from = *static_cast<absl_map *>(self);
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        from.prefetch(view<absl::string_view>(keys + i * key_bytes, key_bytes));
    for (size_t i = 0; i < count; i++)
        found += map_get<absl_map, absl::string_view>(self, keys + i * key_bytes, key_bytes,
                                                      values + i * stride);
    return found;
}

// ---- GHashTable of two allocated byte strings, each with its size in front ----

struct bytes {
    uint32_t size;
    uint8_t data[1];
};

bytes *bytes_new(const uint8_t *data, size_t size)
{
    auto *copy = static_cast<bytes *>(g_malloc(offsetof(bytes, data) + size));
    copy->size = static_cast<uint32_t>(size);
    memcpy(copy->data, data, size);
    return copy;
}

// What a lookup passes: GLib compares it with stored keys, so both share one shape.
struct probe {
    uint32_t size;
    uint8_t data[256];
};

guint bytes_hash(gconstpointer pointer)
{
    auto *key = static_cast<const bytes *>(pointer);
    return static_cast<guint>(std::hash<std::string_view>{}(view(key->data, key->size)));
}

gboolean bytes_equal(gconstpointer left, gconstpointer right)
{
    auto *a = static_cast<const bytes *>(left);
    auto *b = static_cast<const bytes *>(right);
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

void *glib_create()
{
    return g_hash_table_new_full(bytes_hash, bytes_equal, g_free, g_free);
}

void glib_destroy(void *self)
{
    g_hash_table_destroy(static_cast<GHashTable *>(self));
}

void glib_set(void *self, const uint8_t *key, size_t key_bytes, const uint8_t *value,
              size_t value_bytes)
{
    g_hash_table_insert(static_cast<GHashTable *>(self), bytes_new(key, key_bytes),
                        bytes_new(value, value_bytes));
}

bool glib_get(void *self, const uint8_t *key, size_t key_bytes, uint8_t *value)
{
    probe wanted;
    wanted.size = static_cast<uint32_t>(key_bytes);
    memcpy(wanted.data, key, key_bytes);
    auto *found =
        static_cast<bytes *>(g_hash_table_lookup(static_cast<GHashTable *>(self), &wanted));
    if (found == nullptr) return false;
    memcpy(value, found->data, found->size);
    return true;
}

// ---- uthash: nodes that hold key and value behind their links ----

struct node {
    UT_hash_handle hh;
    uint32_t key_bytes, value_bytes;
    uint8_t data[1]; // key, then value
};

struct ut_map {
    node *head = nullptr;
};

void *ut_create()
{
    return new ut_map;
}

void ut_destroy(void *self)
{
    auto *map = static_cast<ut_map *>(self);
    node *each, *next;
    HASH_ITER(hh, map->head, each, next)
    {
        HASH_DEL(map->head, each);
        free(each);
    }
    delete map;
}

void ut_set(void *self, const uint8_t *key, size_t key_bytes, const uint8_t *value,
            size_t value_bytes)
{
    auto *map = static_cast<ut_map *>(self);
    node *found;
    HASH_FIND(hh, map->head, key, key_bytes, found);
    if (found != nullptr && found->value_bytes == value_bytes) {
        memcpy(found->data + key_bytes, value, value_bytes);
        return;
    }
    if (found != nullptr) {
        HASH_DEL(map->head, found);
        free(found);
    }
    auto *fresh = static_cast<node *>(malloc(sizeof(node) + key_bytes + value_bytes));
    if (fresh == nullptr) abort();
    fresh->key_bytes = static_cast<uint32_t>(key_bytes);
    fresh->value_bytes = static_cast<uint32_t>(value_bytes);
    memcpy(fresh->data, key, key_bytes);
    memcpy(fresh->data + key_bytes, value, value_bytes);
    HASH_ADD_KEYPTR(hh, map->head, fresh->data, key_bytes, fresh);
}

bool ut_get(void *self, const uint8_t *key, size_t key_bytes, uint8_t *value)
{
    auto *map = static_cast<ut_map *>(self);
    node *found;
    HASH_FIND(hh, map->head, key, key_bytes, found);
    if (found == nullptr) return false;
    memcpy(value, found->data + found->key_bytes, found->value_bytes);
    return true;
}

const bench_engine absl_engine = {"absl::flat_hash_map",
                                  map_create<absl_map>,
                                  map_destroy<absl_map>,
                                  map_set<absl_map, absl::string_view>,
                                  map_get<absl_map, absl::string_view>,
                                  nullptr,
                                  absl_get_ahead};
const bench_engine std_engine = {"std::unordered_map",
                                 map_create<std_map>,
                                 map_destroy<std_map>,
                                 map_set<std_map, std::string_view>,
                                 map_get<std_map, std::string_view>,
                                 nullptr,
                                 nullptr};
const bench_engine glib_engine = {"GHashTable", glib_create, glib_destroy, glib_set,
                                  glib_get,     nullptr,     nullptr};
const bench_engine ut_engine = {"uthash", ut_create, ut_destroy, ut_set, ut_get, nullptr, nullptr};

} // namespace

extern "C" {
const bench_engine *const engine_peers[] = {&absl_engine, &std_engine, &glib_engine, &ut_engine,
                                            nullptr};
}
