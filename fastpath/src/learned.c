/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Learned servers: see learned.h for its rules. */

#include "learned.h"

#include "bytes.h"
#include "mix.h"

#include <string.h>

static uint32_t hash_address(const uint8_t address[16], uint32_t seed)
{
    return (uint32_t)rs_mix(rs_le64(address) ^ seed ^ UINT64_C(0xa0761d6478bd642f),
                            rs_le64(address + 8) ^ UINT64_C(0xe7037ed1a0b428db)) |
           1;
}

static struct rs_learned_entry *bucket_of(const struct rs_learned *l, uint32_t client, const uint8_t server[16],
                                          uint16_t port)
{
    uint64_t h = hash_address(server, l->seed) ^ (uint64_t)client * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)port << 17;

    h = (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return (struct rs_learned_entry *)&l->entries[(h >> 32 & (l->buckets - 1)) * RS_LEARNED_WAYS];
}

static int is_same(const struct rs_learned_entry *e, uint32_t client, const uint8_t server[16], uint16_t port)
{
    return e->client == client && e->port == port && memcmp(e->server, server, 16) == 0;
}

uint32_t rs_learned_buckets(uint32_t flows)
{
    uint32_t buckets = 256;

    while (buckets < 4096 && buckets * RS_LEARNED_WAYS * 4 < flows)
        buckets *= 2;
    return buckets;
}

uint64_t rs_learned_size(uint32_t buckets)
{
    return sizeof(struct rs_learned) + (uint64_t)buckets * RS_LEARNED_WAYS * sizeof(struct rs_learned_entry);
}

static void write_entry(struct rs_learned_entry *e, uint32_t client, const uint8_t server[16], uint16_t port,
                        uint16_t app, uint32_t until_s)
{
    uint32_t sequence = __atomic_load_n(&e->sequence, __ATOMIC_RELAXED);

    if ((sequence & 1) != 0 ||
        !__atomic_compare_exchange_n(&e->sequence, &sequence, sequence + 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    e->client = client;
    memcpy(e->server, server, 16);
    e->port = port;
    e->app = app;
    e->until_s = until_s;
    __atomic_store_n(&e->sequence, sequence + 2, __ATOMIC_RELEASE);
}

static void add_one(struct rs_learned *l, uint32_t client, const uint8_t server[16], uint16_t port, uint16_t app,
                    uint32_t now_s, uint32_t until_s)
{
    struct rs_learned_entry *bucket = bucket_of(l, client, server, port), *place = bucket;

    for (uint32_t way = 0; way < RS_LEARNED_WAYS; way++) {
        struct rs_learned_entry *e = &bucket[way];

        if (is_same(e, client, server, port)) {
            if (e->until_s > now_s && e->app != app)
                app = RS_LEARNED_AMBIGUOUS;
            if (e->until_s > until_s)
                until_s = e->until_s;
            place = e;
            write_entry(place, client, server, port, app, until_s);
            return;
        }
        if (e->until_s < place->until_s)
            place = e;
    }
    if (place->until_s > now_s)
        __atomic_fetch_add(&l->evicted, 1, __ATOMIC_RELAXED);
    write_entry(place, client, server, port, app, until_s);
}

void rs_learned_add(struct rs_learned *l, const uint8_t *client, const uint8_t server[16], uint16_t port, uint16_t app,
                    uint32_t now_s, uint32_t ttl_s)
{
    if (ttl_s < RS_LEARNED_TTL_MIN_S)
        ttl_s = RS_LEARNED_TTL_MIN_S;
    if (ttl_s > RS_LEARNED_TTL_MAX_S)
        ttl_s = RS_LEARNED_TTL_MAX_S;
    ttl_s += RS_LEARNED_GRACE_S;
    if (client != NULL)
        add_one(l, hash_address(client, l->seed), server, port, app, now_s, now_s + ttl_s);
    add_one(l, 0, server, port, app, now_s, now_s + ttl_s);
}

/* 1 when an entry is there; *app is 0 when it decides nothing. */
static int find_one(const struct rs_learned *l, uint32_t client, const uint8_t server[16], uint16_t port,
                    uint32_t now_s, uint16_t *app)
{
    const struct rs_learned_entry *bucket = bucket_of(l, client, server, port);

    for (uint32_t way = 0; way < RS_LEARNED_WAYS; way++) {
        const struct rs_learned_entry *e = &bucket[way];
        uint32_t sequence, until_s;
        int same;

        if (e->client != client || e->port != port) /* nearly always: a glance is enough */
            continue;
        sequence = __atomic_load_n(&e->sequence, __ATOMIC_ACQUIRE);
        same = is_same(e, client, server, port);
        *app = e->app == RS_LEARNED_AMBIGUOUS ? 0 : e->app;
        until_s = e->until_s;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (same && (sequence & 1) == 0 && __atomic_load_n(&e->sequence, __ATOMIC_RELAXED) == sequence &&
            until_s > now_s)
            return 1;
    }
    *app = 0;
    return 0;
}

uint16_t rs_learned_find(const struct rs_learned *l, const uint8_t client[16], const uint8_t server[16], uint16_t port,
                         uint32_t now_s)
{
    uint16_t app;

    if (find_one(l, hash_address(client, l->seed), server, port, now_s, &app) ||
        find_one(l, 0, server, port, now_s, &app))
        return app;
    return 0;
}

void rs_learned_add_pair(struct rs_learned *l, const uint8_t client[16], const uint8_t server[16], uint16_t port,
                         uint16_t app, uint32_t now_s, uint32_t ttl_s)
{
    add_one(l, hash_address(client, l->seed), server, port, app, now_s, now_s + ttl_s);
}

uint16_t rs_learned_find_pair(const struct rs_learned *l, const uint8_t client[16], const uint8_t server[16],
                              uint16_t port, uint32_t now_s)
{
    uint16_t app;

    find_one(l, hash_address(client, l->seed), server, port, now_s, &app);
    return app;
}

void rs_learned_forget(struct rs_learned *l)
{
    for (uint32_t i = 0; i < l->buckets * RS_LEARNED_WAYS; i++)
        __atomic_store_n(&l->entries[i].until_s, 0, __ATOMIC_RELAXED);
}
