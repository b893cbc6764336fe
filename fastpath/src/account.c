/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ledger and usage banks: see account.h for the rules. */

#include "account.h"

#include <string.h>

#include "mix.h"

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

/* The row of host, application and line, and where its number stands (or would) in the index; NO_SLOT when it is new. A host
 * chooses its IPv6 addresses, so the file's own number is in the hash: without it one host makes one long chain of them. */
static uint32_t usage_find(const rs_shm *shm, uint32_t bank, const uint8_t *host, uint16_t application, uint8_t wan,
                           uint32_t *place)
{
    const struct rs_usage_bank *b = shm->banks[bank];
    uint64_t hash = rs_mix(rs_hash_address(host) ^ shm->header->instance,
                           UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)application << 8 ^ wan);

    for (*place = (uint32_t)hash % RS_USAGE_INDEX; b->index[*place]; *place = (*place + 1) % RS_USAGE_INDEX) {
        const struct rs_usage_row *row = &b->rows[b->index[*place] - 1];

        if (row->application == application && row->wan == wan && memcmp(row->host, host, 16) == 0)
            return b->index[*place] - 1u;
    }
    return NO_SLOT;
}

static void read_row(const struct rs_usage_row *row, struct rs_usage_slot *out)
{
    memcpy(out->host, row->host, sizeof out->host);
    out->application = row->application;
    out->wan = row->wan;
    out->up_bytes = rs_counter_get(&row->up_bytes);
    out->down_bytes = rs_counter_get(&row->down_bytes);
    out->up_packets = rs_counter_get(&row->up_packets);
    out->down_packets = rs_counter_get(&row->down_packets);
    out->connections = rs_counter_get(&row->connections);
    out->first_ms = rs_counter_get(&row->first_ms);
    out->last_ms = rs_counter_get(&row->last_ms);
}

static void write_row(struct rs_usage_row *row, const struct rs_usage_slot *usage)
{
    memcpy(row->host, usage->host, sizeof row->host);
    row->application = usage->application;
    row->wan = usage->wan;
    rs_counter_set(&row->up_bytes, usage->up_bytes);
    rs_counter_set(&row->down_bytes, usage->down_bytes);
    rs_counter_set(&row->up_packets, usage->up_packets);
    rs_counter_set(&row->down_packets, usage->down_packets);
    rs_counter_set(&row->connections, usage->connections);
    rs_counter_set(&row->first_ms, usage->first_ms);
    rs_counter_set(&row->last_ms, usage->last_ms);
}

static void replay(rs_shm *shm)
{
    struct rs_journal *j = &shm->header->journal;
    struct rs_usage_bank *bank = shm->banks[j->bank & 1];

    if (j->usage_index != NO_SLOT) {
        write_row(&bank->rows[j->usage_index % RS_USAGE_SLOTS], &j->usage);
        bank->index[j->place % RS_USAGE_INDEX] = (uint16_t)(j->usage_index + 1);
        atomic_store_explicit(&shm->header->usage_count[j->bank & 1], j->count, memory_order_release);
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
        rs_counter_set(&slot->last_ms, now_ms);
    rs_count(&slot->up_bytes, delta->up_bytes);
    rs_count(&slot->down_bytes, delta->down_bytes);
    rs_count(&slot->connections, delta->connections);
}

void rs_account_add(rs_shm *shm, const rs_policy *policy, const struct rs_ct *ct, int is_end, uint64_t now_ms)
{
    static const uint8_t unspecified[16];
    struct rs_shm_header *h = shm->header;
    struct rs_journal *j = &h->journal;
    uint32_t bank = (uint32_t)rs_counter_get(&h->active_epoch) & 1;
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
        j->count = h->usage_count[bank];
        j->usage_index = usage_find(shm, bank, side.host, application, wan, &j->place);
        if (j->usage_index != NO_SLOT) {
            read_row(&shm->banks[bank]->rows[j->usage_index], &j->usage);
        } else if (j->count < RS_USAGE_SLOTS) {
            j->usage_index = j->count++;
            j->usage = (struct rs_usage_slot){.application = application, .wan = wan, .first_ms = now_ms};
            memcpy(j->usage.host, side.host, 16);
        } else {
            rs_count(&h->usage_lost, delta.up_bytes + delta.down_bytes);
        }
    }
    if (j->usage_index != NO_SLOT) {
        usage = &j->usage;
        usage->last_ms = now_ms;
        usage->up_bytes += delta.up_bytes;
        usage->down_bytes += delta.down_bytes;
        usage->up_packets += delta.up_packets;
        usage->down_packets += delta.down_packets;
        usage->connections += delta.connections;
    }
    commit(shm);
    rs_count(&h->lines[wan & 7].bytes, delta.up_bytes + delta.down_bytes);
    if (ct->is_fast)
        rs_count(&h->lines[wan & 7].fast_bytes, delta.up_bytes + delta.down_bytes);
    if (memcmp(side.host, unspecified, 16) != 0)
        add_to_host(shm, side.host, wan, &delta, now_ms);
}

static void forget_an_eighth(rs_counter *counter)
{
    uint64_t bytes = rs_counter_get(counter);

    rs_counter_set(counter, bytes - (bytes + 7) / 8);
}

void rs_account_begin_round(rs_shm *shm)
{
    shm->header->round++;
    for (uint32_t line = 0; line < 8; line++) {
        forget_an_eighth(&shm->header->lines[line].bytes);
        forget_an_eighth(&shm->header->lines[line].fast_bytes);
    }
}

void rs_account_end_round(rs_shm *shm)
{
    const uint32_t slots = shm->header->ledger_slots;

    for (uint32_t i = 0, stop = 0; (i = rs_shm_next(shm, shm->ledger, sizeof *shm->ledger, slots, i, &stop)) < slots;
         i++)
        /* Two rounds: a table that is resized during a dump can hide an entry once, and then it would count twice. */
        if (shm->ledger[i].key && (uint16_t)(shm->header->round - shm->ledger[i].round) >= 2) {
            shm->ledger[i].key = 0;
            rs_count(&shm->header->destroy_lost, 1);
        }
}

int rs_account_flip(rs_shm *shm)
{
    struct rs_shm_header *h = shm->header;
    uint64_t active = rs_counter_get(&h->active_epoch), next = active + 1;

    if (rs_counter_get(&h->drain_wanted) <= active || rs_counter_get(&h->acked_epoch) + 1 < active)
        return 0;
    /* Killed in between: active is still the old one, and the bank is cleared again. */
    rs_shm_clear(shm, shm->banks[next & 1], sizeof *shm->banks[0]);
    atomic_store(&h->usage_count[next & 1], 0);
    rs_counter_set(&h->active_epoch, next);
    rs_shm_changed(shm);
    return 1;
}
