/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts as the shaper knows them: a machine is its MAC, so that its addresses of both families share one class; where
 * several IPv4 addresses have one MAC (a router behind us) or none is known, each address stands for itself.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "mix.h"
#include "shape.h"

#define BUCKETS     4096u
#define ADDRESS_BIT (UINT64_C(1) << 63) /* of a key: not a MAC */

static const uint8_t nowhere[16];

int rs_shaped_hosts_init(struct rs_shaped_hosts *h, rs_shm *shm)
{
    h->shm = shm;
    h->added = calloc(RS_HOST_SLOTS, sizeof *h->added);
    h->removed = calloc(RS_HOST_SLOTS, sizeof *h->removed);
    return h->added && h->removed ? 0 : -ENOMEM;
}

void rs_shaped_hosts_free(struct rs_shaped_hosts *h)
{
    for (uint32_t line = 0; line < RS_SHAPE_LINES; line++)
        free(h->shares[line]);
    free(h->added);
    free(h->removed);
}

void rs_shaped_hosts_clear(struct rs_shaped_hosts *h)
{
    for (uint32_t line = 0; line < RS_SHAPE_LINES; line++) {
        free(h->shares[line]);
        h->shares[line] = NULL;
    }
    memset(h->hosts, 0, sizeof h->hosts);
    memset(h->known, 0, sizeof h->known);
    memset(h->buckets, 0, sizeof h->buckets);
    h->highest = h->count = h->added_count = h->removed_count = 0;
    h->changes = UINT64_MAX;
}

static uint64_t key_of(const rs_identity *host)
{
    uint64_t mac = rs_mac_number(host->mac);
    int is_v4 = rs_is_v4(host->address);

    /* IPv4 behind a shared MAC has no alias; IPv6 without IPv4 beside it is still one machine's. */
    if (mac && (!is_v4 || memcmp(host->alias, host->address, 16) == 0))
        return mac;
    return rs_hash_address(host->address) | ADDRESS_BIT;
}

static uint16_t *bucket_of(struct rs_shaped_hosts *h, uint64_t key)
{
    return &h->buckets[(key ^ key >> 29) * 0x9e3779b97f4a7c15u >> 52 & (BUCKETS - 1)];
}

static uint16_t find(struct rs_shaped_hosts *h, uint64_t key)
{
    uint16_t slot = *bucket_of(h, key);

    while (slot && h->hosts[slot].key != key)
        slot = h->hosts[slot].next;
    return slot;
}

static uint16_t make(struct rs_shaped_hosts *h, uint64_t key, const rs_identity *host, uint16_t limit)
{
    uint16_t *bucket = bucket_of(h, key);

    for (uint16_t slot = 1; slot <= RS_SLOT_HOSTS; slot++) {
        struct rs_shaped_host *to = &h->hosts[slot];

        if (to->key)
            continue;
        *to = (struct rs_shaped_host){.key = key, .limit = limit, .next = *bucket};
        memcpy(to->address, host->address, 16);
        *bucket = slot;
        h->count++;
        h->highest = slot > h->highest ? slot : h->highest;
        return slot;
    }
    h->refused++;
    return 0;
}

static void drop(struct rs_shaped_hosts *h, uint16_t slot)
{
    uint16_t *at = bucket_of(h, h->hosts[slot].key);

    while (*at && *at != slot)
        at = &h->hosts[*at].next;
    *at = h->hosts[slot].next;
    h->hosts[slot].key = 0;
    h->hosts[slot].fresh = 0;
    h->count--;
}

/* Whether there was room; what did not fit is taken up by a later scan. */
static int note(struct rs_map_element *list, uint32_t *count, const struct rs_shaped_address *known, uint32_t line)
{
    if (*count == RS_HOST_SLOTS)
        return 0;
    list[(*count)++] = rs_shaped_element(known, line);
    return 1;
}

/* Of the limits by a host's addresses the first counts. */
static void want(struct rs_shaped_host *host, uint16_t limit)
{
    if (limit && (!host->wanted || limit < host->wanted))
        host->wanted = limit;
}

/* Limits follow the addresses that hosts have now; who has none at the moment keeps his. */
static void settle_limits(struct rs_shaped_hosts *h)
{
    for (uint32_t slot = 1; slot <= h->highest; slot++) {
        struct rs_shaped_host *host = &h->hosts[slot];

        if (host->wanted && host->wanted != host->limit) {
            host->limit = host->wanted;
            h->is_relimited = 1;
        }
        host->wanted = 0;
    }
}

/* The address leaves the maps; its host stays as long as another address of it is known or it has classes. */
static void forget(struct rs_shaped_hosts *h, struct rs_shaped_address *known)
{
    for (uint32_t line = 1; line < RS_SHAPE_LINES; line++)
        if (known->lines >> line & 1)
            note(h->removed, &h->removed_count, known, line);
    h->hosts[known->slot].addresses--;
    memset(known, 0, sizeof *known);
}

static int make_shares(struct rs_shaped_hosts *h, uint32_t line)
{
    if (!h->shares[line])
        h->shares[line] = calloc(RS_SLOT_HOSTS + 1, sizeof *h->shares[line]);
    return h->shares[line] != NULL;
}

static void take_in(struct rs_shaped_hosts *h, const struct rs_shape_config *config, const struct rs_host_slot *from,
                    struct rs_shaped_address *known, uint8_t lines)
{
    rs_identity host;
    uint64_t key;
    uint16_t slot;

    rs_shm_identity(h->shm, from->address, &host);
    key = key_of(&host);
    if (known->slot && h->hosts[known->slot].key != key) /* its MAC is known by now */
        forget(h, known);
    if (!known->slot) {
        slot = find(h, key);
        if (!slot)
            slot = make(h, key, &host, rs_shape_limit_of(config, &host));
        if (!slot)
            return;
        memcpy(known->address, from->address, 16);
        known->slot = slot;
        h->hosts[slot].addresses++;
    }
    want(&h->hosts[known->slot], rs_shape_limit_of(config, &host));
    for (uint32_t line = 1; line < RS_SHAPE_LINES; line++) {
        struct rs_shaped_host *to = &h->hosts[known->slot];

        if (!(lines >> line & 1) || known->lines >> line & 1 || !make_shares(h, line))
            continue;
        if (!note(h->added, &h->added_count, known, line)) {
            h->changes = UINT64_MAX;
            return;
        }
        if (!(to->lines >> line & 1))
            to->fresh |= (uint8_t)(1u << line);
        known->lines |= (uint8_t)(1u << line);
    }
}

void rs_shaped_hosts_scan(struct rs_shaped_hosts *h, const struct rs_shape_config *config, uint32_t lines)
{
    uint64_t changes = atomic_load(&h->shm->header->host_changes);

    if (changes == h->changes)
        return;
    h->changes = changes;
    for (uint32_t i = 0, stop = 0;
         (i = rs_shm_next(h->shm, h->shm->hosts, sizeof *h->shm->hosts, RS_HOST_SLOTS, i, &stop)) < RS_HOST_SLOTS;
         i++) {
        const struct rs_host_slot *from = &h->shm->hosts[i];
        struct rs_shaped_address *known = &h->known[i];
        uint32_t version = atomic_load(&from->version);
        uint8_t on;

        if (version & 1)
            continue;
        if (known->slot && (!version || memcmp(known->address, from->address, 16) != 0))
            forget(h, known);
        on = version ? (uint8_t)(atomic_load(&from->lines) & lines) : 0;
        if (on && memcmp(from->address, nowhere, 16) != 0)
            take_in(h, config, from, known, on);
    }
    settle_limits(h);
}

void rs_shaped_hosts_relimit(struct rs_shaped_hosts *h, const struct rs_shape_config *config)
{
    for (uint32_t slot = 1; slot <= h->highest; slot++)
        h->hosts[slot].limit = 0;
    for (uint32_t i = 0; i < RS_HOST_SLOTS; i++) {
        rs_identity host;

        if (!h->known[i].slot)
            continue;
        rs_shm_identity(h->shm, h->known[i].address, &host);
        want(&h->hosts[h->known[i].slot], rs_shape_limit_of(config, &host));
    }
    settle_limits(h);
}

void rs_shaped_hosts_leave(struct rs_shaped_hosts *h, uint32_t slot, uint32_t line)
{
    uint8_t bit = (uint8_t)(1u << line);

    h->hosts[slot].lines &= (uint8_t)~bit;
    h->hosts[slot].fresh &= (uint8_t)~bit;
    memset(h->shares[line][slot], 0, sizeof h->shares[line][slot]);
    for (uint32_t i = 0; i < RS_HOST_SLOTS && h->hosts[slot].addresses; i++) {
        struct rs_shaped_address *known = &h->known[i];

        if (known->slot != slot || !(known->lines & bit))
            continue;
        note(h->removed, &h->removed_count, known, line);
        known->lines &= (uint8_t)~bit;
        atomic_fetch_and(&h->shm->hosts[i].lines, (uint8_t)~bit);
        if (!known->lines) {
            memset(known, 0, sizeof *known);
            h->hosts[slot].addresses--;
        }
    }
    if (!h->hosts[slot].lines && !h->hosts[slot].addresses)
        drop(h, (uint16_t)slot);
}
