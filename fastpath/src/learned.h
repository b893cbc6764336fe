/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers whose application is known before the first byte: from DNS answers, and from flows that were decided.
 *
 * An entry belongs to (client, server) or, as a fallback, to the server for everybody. When one server stands for two
 * applications within an entry's life (shared hosting), the entry says so and decides nothing. Port 0 is any port.
 * Eviction: four places a bucket; an expired one first, else the one that ends soonest (counted). Several threads may
 * use one table: an entry carries a sequence number, odd while it is written; a writer that finds it odd goes away, a
 * reader that sees it change takes nothing.
 */
#ifndef RS_LEARNED_H
#define RS_LEARNED_H

#include <stdint.h>

#define RS_LEARNED_WAYS      4u
#define RS_LEARNED_AMBIGUOUS 0xffffu
#define RS_LEARNED_TTL_MIN_S 120u
#define RS_LEARNED_TTL_MAX_S 86400u
#define RS_LEARNED_GRACE_S   300u /* clients keep using an address for a while after its TTL */

struct rs_learned_entry {
    uint32_t sequence; /* atomic */
    uint32_t client;   /* hash of the client's address; 0: everybody */
    uint8_t server[16];
    uint16_t port, app;
    uint32_t until_s;
};

struct rs_learned {
    uint32_t buckets, seed;
    uint32_t evicted;
    struct rs_learned_entry entries[];
};

uint32_t rs_learned_buckets(uint32_t flows);
uint64_t rs_learned_size(uint32_t buckets);
/* client may be NULL: for everybody. app 0 is knowledge too: a name of no known application has this address. */
void rs_learned_add(struct rs_learned *l, const uint8_t *client, const uint8_t server[16], uint16_t port, uint16_t app,
                    uint32_t now_s, uint32_t ttl_s);
/* Application of the server as this client knows it, else as everybody does; 0 none or ambiguous. */
uint16_t rs_learned_find(const struct rs_learned *l, const uint8_t client[16], const uint8_t server[16], uint16_t port,
                         uint32_t now_s);
/* What two hosts do with each other, and nobody else with either: the same table, but for this client alone. */
void rs_learned_add_pair(struct rs_learned *l, const uint8_t client[16], const uint8_t server[16], uint16_t port,
                         uint16_t app, uint32_t now_s, uint32_t ttl_s);
uint16_t rs_learned_find_pair(const struct rs_learned *l, const uint8_t client[16], const uint8_t server[16],
                              uint16_t port, uint32_t now_s);
/* Everything: the applications have other numbers now. Each thread that learned by the old ones calls it after its last. */
void rs_learned_forget(struct rs_learned *l);

#endif
