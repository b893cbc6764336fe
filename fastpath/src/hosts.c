/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts of the LANs: which MAC an address has, which IPv4 address a MAC has. Written by all queue threads without a lock:
 * a slot is claimed by making its version odd. Where all probes of an address are taken, the host idle longest gives way.
 */

#include <string.h>

#include "bytes.h"
#include "mix.h"
#include "shm.h"

#define ALIAS_TOGETHER_MS 600000u /* two addresses of one MAC within this: they are two machines */

static struct rs_alias_slot *alias_slot(const rs_shm *shm, uint64_t mac)
{
    return &shm->aliases[(mac * 0x9e3779b97f4a7c15u >> 40) % RS_HOST_SLOTS];
}

/* One slot per hash: where two MACs collide the one seen last has the alias, the other merely goes without. */
static void note_alias(rs_shm *shm, uint64_t mac, const uint8_t *address, uint64_t now_ms)
{
    struct rs_alias_slot *slot = alias_slot(shm, mac);
    uint32_t v4 = rs_be32(address + 12);

    if (rs_counter_get(&slot->mac) != mac) {
        atomic_store(&slot->is_shared, 0);
        atomic_store(&slot->address, v4);
        rs_counter_set(&slot->mac, mac);
        atomic_fetch_add(&shm->header->host_changes, 1);
    } else if (atomic_load(&slot->address) != v4) {
        uint32_t was_shared = atomic_load(&slot->is_shared);

        atomic_store(&slot->is_shared, now_ms - rs_counter_get(&slot->last_ms) < ALIAS_TOGETHER_MS);
        if (!was_shared || !atomic_load(&slot->is_shared)) /* not with each packet of a router behind us */
            atomic_fetch_add(&shm->header->host_changes, 1);
        rs_counter_set(&slot->changed_ms, now_ms);
        atomic_store(&slot->address, v4);
    } else if (atomic_load(&slot->is_shared) && now_ms - rs_counter_get(&slot->changed_ms) > ALIAS_TOGETHER_MS) {
        atomic_store(&slot->is_shared, 0);
        atomic_fetch_add(&shm->header->host_changes, 1);
    }
    rs_counter_set(&slot->last_ms, now_ms);
}

static int holds(const struct rs_host_slot *slot, const uint8_t *address)
{
    uint32_t version = atomic_load_explicit(&slot->version, memory_order_acquire);
    int is_same = version && !(version & 1) && memcmp(slot->address, address, 16) == 0;

    atomic_thread_fence(memory_order_acquire);
    return is_same && atomic_load_explicit(&slot->version, memory_order_relaxed) == version;
}

struct rs_host_slot *rs_host_find(const rs_shm *shm, const uint8_t *address)
{
    uint64_t hash = rs_hash_address(address);

    for (uint32_t i = 0; i < RS_HOST_PROBES; i++) {
        struct rs_host_slot *slot = &shm->hosts[(hash + i) % RS_HOST_SLOTS];

        if (holds(slot, address))
            return slot;
    }
    return NULL;
}

/* 0: unknown, or just becoming another one (counter.h). */
static uint64_t mac_of(const struct rs_host_slot *slot)
{
    uint64_t mac = rs_counter_get(&slot->mac);

    return (uint32_t)mac ? mac : 0;
}

static struct rs_host_slot *claim(rs_shm *shm, const uint8_t *address, uint64_t now_ms)
{
    uint64_t hash = rs_hash_address(address), oldest_ms = UINT64_MAX;
    struct rs_host_slot *slot = NULL;
    uint32_t version;

    for (uint32_t i = 0; i < RS_HOST_PROBES && oldest_ms; i++) {
        struct rs_host_slot *one = &shm->hosts[(hash + i) % RS_HOST_SLOTS];
        uint64_t seen = atomic_load(&one->version) ? rs_counter_get(&one->last_ms) : 0;

        if (seen < oldest_ms) {
            slot = one;
            oldest_ms = seen;
        }
    }
    version = slot ? atomic_load(&slot->version) : 1;
    if (version & 1 || !atomic_compare_exchange_strong(&slot->version, &version, version + 1))
        return NULL; /* another thread writes it: this packet does without */
    atomic_fetch_add_explicit(version ? &shm->header->hosts_evicted : &shm->header->hosts, 1, memory_order_relaxed);
    memcpy(slot->address, address, 16);
    rs_counter_set(&slot->mac, 0);
    rs_counter_set(&slot->first_ms, now_ms);
    rs_counter_set(&slot->last_ms, now_ms);
    rs_counter_set(&slot->up_bytes, 0);
    rs_counter_set(&slot->down_bytes, 0);
    rs_counter_set(&slot->connections, 0);
    atomic_store(&slot->peers_minute, 0);
    atomic_store(&slot->lines, 0);
    atomic_store_explicit(&slot->version, version + 2, memory_order_release);
    return slot;
}

void rs_host_note_line(rs_shm *shm, struct rs_host_slot *slot, uint32_t line)
{
    uint8_t bit = (uint8_t)(1u << (line & 7));

    if (line == 0 || line > 7 || atomic_load_explicit(&slot->lines, memory_order_relaxed) & bit)
        return;
    atomic_fetch_or(&slot->lines, bit);
    atomic_fetch_add(&shm->header->host_changes, 1);
}

static uint32_t next_host(const rs_shm *shm, uint32_t slot, uint32_t *stop)
{
    return rs_shm_next(shm, shm->hosts, sizeof *shm->hosts, RS_HOST_SLOTS, slot, stop);
}

void rs_hosts_mend(rs_shm *shm)
{
    for (uint32_t i = 0, stop = 0; (i = next_host(shm, i, &stop)) < RS_HOST_SLOTS; i++)
        if (atomic_load(&shm->hosts[i].version) & 1)
            atomic_store(&shm->hosts[i].version, 0);
}

struct rs_host_slot *rs_host_see(rs_shm *shm, const uint8_t *address, const uint8_t *mac, uint64_t now_ms)
{
    struct rs_host_slot *slot = rs_host_find(shm, address);

    if (!slot && !(slot = claim(shm, address, now_ms)))
        return NULL;
    rs_counter_set(&slot->last_ms, now_ms);
    if (mac) {
        uint64_t number = rs_mac_number(mac);

        if (rs_counter_get(&slot->mac) != number) {
            rs_counter_set(&slot->mac, number);
            atomic_fetch_add(&shm->header->host_changes, 1);
        }
        if (rs_is_v4(address))
            note_alias(shm, number, address, now_ms);
    }
    return slot;
}

void rs_shm_identity(const rs_shm *shm, const uint8_t *address, rs_identity *out)
{
    const struct rs_host_slot *slot = rs_host_find(shm, address);
    uint64_t mac = slot ? mac_of(slot) : 0;
    const struct rs_alias_slot *alias = mac ? alias_slot(shm, mac) : NULL;

    memset(out, 0, sizeof *out);
    memcpy(out->address, address, 16);
    for (int i = 0; i < 6; i++)
        out->mac[i] = (uint8_t)(mac >> (40 - 8 * i));
    if (alias && rs_counter_get(&alias->mac) == mac && !atomic_load(&alias->is_shared)) {
        uint32_t v4 = atomic_load(&alias->address);

        out->alias[10] = out->alias[11] = 0xff;
        for (int i = 0; i < 4; i++)
            out->alias[12 + i] = (uint8_t)(v4 >> (24 - 8 * i));
    }
}

uint32_t rs_shm_hosts(const rs_shm *shm, rs_host *out, uint32_t capacity)
{
    uint32_t count = 0;

    for (uint32_t i = 0, stop = 0; (i = next_host(shm, i, &stop)) < RS_HOST_SLOTS && count < capacity; i++) {
        const struct rs_host_slot *slot = &shm->hosts[i];
        rs_host *host = &out[count];
        rs_identity identity;
        uint32_t version = atomic_load(&slot->version);

        if (!version || version & 1)
            continue;
        memcpy(host->address, slot->address, 16);
        host->first_ms = rs_counter_get(&slot->first_ms);
        host->last_ms = rs_counter_get(&slot->last_ms);
        host->up_bytes = rs_counter_get(&slot->up_bytes);
        host->down_bytes = rs_counter_get(&slot->down_bytes);
        host->connections = rs_counter_get(&slot->connections);
        if (atomic_load(&slot->version) != version)
            continue;
        rs_shm_identity(shm, host->address, &identity);
        memcpy(host->alias, identity.alias, 16);
        memcpy(host->mac, identity.mac, 6);
        count++;
    }
    return count;
}
