/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ledger and usage banks: see account.h for the rules. */

#include "account.h"

#include <string.h>

#define NO_SLOT UINT32_MAX

static struct rs_ledger_slot *ledger_find(rs_shm *shm, uint64_t key, uint32_t *index)
{
    uint32_t bucket = (uint32_t)(key >> 13 ^ key >> 40) % (shm->header->ledger_slots / RS_LEDGER_WAYS) * RS_LEDGER_WAYS;
    uint32_t room = NO_SLOT;

    for (uint32_t i = bucket; i < bucket + RS_LEDGER_WAYS; i++) {
        if (shm->ledger[i].key == key) {
            *index = i;
            return &shm->ledger[i];
        }
        if (!shm->ledger[i].key && room == NO_SLOT)
            room = i;
    }
    *index = room;
    return NULL;
}

const struct rs_ledger_slot *rs_ledger_find(rs_shm *shm, uint64_t key)
{
    uint32_t index;

    return ledger_find(shm, key, &index);
}

static uint32_t usage_find(const rs_shm *shm, uint32_t bank, const uint8_t *host, uint16_t application, uint8_t wan)
{
    uint64_t a, b, hash;

    memcpy(&a, host, 8);
    memcpy(&b, host + 8, 8);
    hash =
        (a ^ b * 0x9e3779b97f4a7c15u ^ ((uint64_t)application << 8 | wan) * 0xc2b2ae3d27d4eb4fu) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
    for (uint32_t probe = 0; probe < RS_USAGE_SLOTS; probe++) {
        uint32_t index = (uint32_t)(hash + probe) % RS_USAGE_SLOTS;
        const struct rs_usage_slot *slot = &shm->banks[bank][index];

        /* A full bank would make every miss a walk through it: the last eighth is never filled. */
        if (!slot->is_used)
            return shm->header->usage_count[bank] < RS_USAGE_SLOTS / 8 * 7 ? index : NO_SLOT;
        if (slot->application == application && slot->wan == wan && memcmp(slot->host, host, 16) == 0)
            return index;
    }
    return NO_SLOT;
}

static void replay(rs_shm *shm)
{
    struct rs_journal *j = &shm->header->journal;
    struct rs_usage_slot *usage = &shm->banks[j->bank & 1][j->usage_index % RS_USAGE_SLOTS];

    if (j->usage_index != NO_SLOT) {
        *usage = j->usage;
        shm->header->usage_count[j->bank & 1] = j->count;
    }
    if (j->ledger_index != NO_SLOT)
        shm->ledger[j->ledger_index % shm->header->ledger_slots] = j->ledger;
    atomic_store_explicit(&j->is_valid, 0, memory_order_release);
}

static void commit(rs_shm *shm)
{
    atomic_store_explicit(&shm->header->journal.is_valid, 1, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    replay(shm);
}

void rs_account_recover(rs_shm *shm)
{
    if (atomic_load(&shm->header->journal.is_valid))
        replay(shm);
}

/* What the flow got since the ledger's slot; a counter that went back is another flow under the same key. */
static void difference(const struct rs_ct_side *side, struct rs_ledger_slot *slot, struct rs_usage_slot *delta)
{
    if (side->up_bytes < slot->up_bytes || side->down_bytes < slot->down_bytes)
        slot->up_bytes = slot->down_bytes = slot->up_packets = slot->down_packets = slot->is_counted = 0;
    delta->up_bytes = side->up_bytes - slot->up_bytes;
    delta->down_bytes = side->down_bytes - slot->down_bytes;
    delta->up_packets = (uint32_t)side->up_packets - slot->up_packets;
    delta->down_packets = (uint32_t)side->down_packets - slot->down_packets;
    slot->up_bytes = side->up_bytes;
    slot->down_bytes = side->down_bytes;
    slot->up_packets = (uint32_t)side->up_packets;
    slot->down_packets = (uint32_t)side->down_packets;
}

static void add_to_host(rs_shm *shm, const uint8_t *address, uint32_t wan, const struct rs_usage_slot *delta,
                        uint64_t now_ms)
{
    struct rs_host_slot *slot = rs_host_find(shm, address);

    if (!slot && !(slot = rs_host_see(shm, address, NULL, now_ms)))
        return;
    if (delta->up_packets | delta->down_packets)
        rs_host_note_line(shm, slot, wan);
    if (delta->up_packets)
        atomic_store_explicit(&slot->last_ms, now_ms, memory_order_relaxed);
    rs_count(&slot->up_bytes, delta->up_bytes);
    rs_count(&slot->down_bytes, delta->down_bytes);
    rs_count(&slot->connections, delta->connections);
}

void rs_account_add(rs_shm *shm, const rs_policy *policy, const struct rs_ct *ct, int is_end, uint64_t now_ms)
{
    static const uint8_t unspecified[16];
    struct rs_shm_header *h = shm->header;
    struct rs_journal *j = &h->journal;
    uint32_t bank = (uint32_t)atomic_load_explicit(&h->active_epoch, memory_order_relaxed) & 1;
    uint16_t application = ct->mark >> 31 ? ct->mark & 0xfff : 0;
    uint8_t wan = ct->mark >> 12 & 15;
    struct rs_usage_slot delta = {0}, *usage;
    struct rs_ledger_slot *known;
    struct rs_ct_side side;

    if (!ct->has_counters || rs_ct_is_loopback(ct))
        return;
    rs_ct_find_side(policy, ct, &side);
    known = ledger_find(shm, rs_ct_key(ct), &j->ledger_index);
    if (!known && !is_end && j->ledger_index == NO_SLOT) {
        rs_count(&h->ledger_full, 1);
        return;
    }
    j->ledger = known ? *known : (struct rs_ledger_slot){.key = rs_ct_key(ct), .first_s = (uint32_t)(now_ms / 1000)};
    difference(&side, &j->ledger, &delta);
    /* A connection is counted where its application is known, else at its end: not once as unknown and once by name. */
    delta.connections = !j->ledger.is_counted && (ct->mark >> 31 || is_end);
    j->ledger.is_counted |= (uint16_t)delta.connections;
    j->ledger.round = (uint16_t)h->round;
    if (is_end && known)
        memset(&j->ledger, 0, sizeof j->ledger);
    else if (is_end)
        j->ledger_index = NO_SLOT;
    j->bank = bank;
    j->usage_index = NO_SLOT;
    if (delta.up_bytes | delta.down_bytes | delta.connections) {
        j->usage_index = usage_find(shm, bank, side.host, application, wan);
        if (j->usage_index == NO_SLOT)
            rs_count(&h->usage_lost, delta.up_bytes + delta.down_bytes);
    }
    if (j->usage_index != NO_SLOT) {
        usage = &j->usage;
        *usage = shm->banks[bank][j->usage_index];
        j->count = h->usage_count[bank] + !usage->is_used;
        if (!usage->is_used) {
            memcpy(usage->host, side.host, 16);
            usage->application = application;
            usage->wan = wan;
            usage->is_used = 1;
            usage->first_ms = now_ms;
        }
        usage->last_ms = now_ms;
        usage->up_bytes += delta.up_bytes;
        usage->down_bytes += delta.down_bytes;
        usage->up_packets += delta.up_packets;
        usage->down_packets += delta.down_packets;
        usage->connections += delta.connections;
    }
    commit(shm);
    if (memcmp(side.host, unspecified, 16) != 0)
        add_to_host(shm, side.host, wan, &delta, now_ms);
}

void rs_account_begin_round(rs_shm *shm)
{
    shm->header->round++;
}

void rs_account_end_round(rs_shm *shm)
{
    for (uint32_t i = 0; i < shm->header->ledger_slots; i++)
        /* Two rounds: a table that is resized during a dump can hide an entry once, and then it would count twice. */
        if (shm->ledger[i].key && (uint16_t)(shm->header->round - shm->ledger[i].round) >= 2) {
            shm->ledger[i].key = 0;
            rs_count(&shm->header->destroy_lost, 1);
        }
}

int rs_account_flip(rs_shm *shm)
{
    struct rs_shm_header *h = shm->header;
    uint64_t active = atomic_load(&h->active_epoch), next = active + 1;

    if (atomic_load(&h->drain_wanted) <= active || atomic_load(&h->acked_epoch) + 1 < active)
        return 0;
    /* Killed in between: active is still the old one, and the bank is cleared again. */
    memset(shm->banks[next & 1], 0, sizeof(struct rs_usage_slot) * RS_USAGE_SLOTS);
    h->usage_count[next & 1] = 0;
    atomic_store_explicit(&h->active_epoch, next, memory_order_release);
    rs_shm_changed(shm);
    return 1;
}
