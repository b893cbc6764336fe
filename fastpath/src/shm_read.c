/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rsd takes out of the shared file: counters, events, accounted usage. */

#include <errno.h>
#include <string.h>

#include "shm.h"

void rs_shm_stats(const rs_shm *shm, rs_stats *out)
{
    struct rs_shm_header *h = shm->header;

    memset(out, 0, sizeof *out);
    out->pid = (uint32_t)rs_shm_owner(shm);
    out->queues = h->queues;
    out->generation = atomic_load(&h->generation);
    out->starts = h->starts;
    out->heartbeat_ms = h->heartbeat_ms;
    out->wanted_policy = h->wanted_policy;
    out->loaded_policy = h->loaded_policy;
    out->refused_policy = h->refused_policy;
    out->wanted_apps = h->wanted_apps;
    out->loaded_apps = h->loaded_apps;
    out->refused_apps = h->refused_apps;
    out->queue_dropped = h->queue_dropped;
    out->hosts = h->hosts;
    out->hosts_evicted = h->hosts_evicted;
    out->usage_lost = h->usage_lost;
    out->ledger_full = h->ledger_full;
    out->destroy_lost = h->destroy_lost;
    out->dumps = h->dumps;
    out->dump_us = h->dump_us;
    out->dump_flows = h->dump_flows;
    out->epoch = h->active_epoch;
    for (uint32_t q = 0; q < h->queues; q++) {
        const struct rs_worker_shared *w = &shm->workers[q];

        out->packets += w->packets;
        out->decided += w->decided;
        out->blocked += w->blocked;
        out->rejudged += w->rejudged;
        out->excluded += w->excluded;
        out->pages += w->pages;
        out->batches += w->batches;
        out->unreadable += w->unreadable;
        out->events_lost += shm->rings[q].lost;
        if (w->heartbeat_ms < out->heartbeat_ms) /* the slowest: a queue thread that hangs shows */
            out->heartbeat_ms = w->heartbeat_ms;
    }
}

void rs_shm_put_event(struct rs_ring *ring, const rs_event *event)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

    if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) >= RS_EVENT_SLOTS) {
        rs_count(&ring->lost, 1);
        return;
    }
    ring->slots[head % RS_EVENT_SLOTS] = *event;
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

uint32_t rs_shm_events(rs_shm *shm, rs_event *out, uint32_t capacity)
{
    uint32_t count = 0;

    for (uint32_t q = 0; q < shm->header->queues; q++) {
        struct rs_ring *ring = &shm->rings[q];
        uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
        uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);

        for (; tail != head && count < capacity; tail++)
            out[count++] = ring->slots[tail % RS_EVENT_SLOTS];
        atomic_store_explicit(&ring->tail, tail, memory_order_release);
    }
    return count;
}

void rs_shm_drained(rs_shm *shm, uint64_t epoch)
{
    atomic_store(&shm->header->acked_epoch, epoch);
}

static int copy_bank(const rs_shm *shm, uint64_t epoch, rs_usage *out, uint32_t capacity)
{
    const struct rs_usage_slot *bank = shm->banks[epoch & 1];
    uint32_t count = 0;

    for (uint32_t i = 0; i < RS_USAGE_SLOTS; i++) {
        const struct rs_usage_slot *slot = &bank[i];
        rs_identity host;
        rs_usage *row = &out[count];

        if (!slot->is_used)
            continue;
        if (count == capacity)
            return -ENOSPC;
        rs_shm_identity(shm, slot->host, &host);
        memcpy(row->host, slot->host, 16);
        memcpy(row->mac, host.mac, 6);
        row->wan = slot->wan;
        row->application = slot->application;
        row->up_bytes = slot->up_bytes;
        row->down_bytes = slot->down_bytes;
        row->up_packets = slot->up_packets;
        row->down_packets = slot->down_packets;
        row->connections = slot->connections;
        row->first_ms = slot->first_ms;
        row->last_ms = slot->last_ms;
        count++;
    }
    return (int)count;
}

int rs_shm_usage(const rs_shm *shm, rs_usage *out, uint32_t capacity, uint64_t *instance, uint64_t *epoch)
{
    *instance = shm->header->instance;
    *epoch = atomic_load_explicit(&shm->header->active_epoch, memory_order_acquire);
    return copy_bank(shm, *epoch, out, capacity);
}

int rs_shm_drain(rs_shm *shm, rs_usage *out, uint32_t capacity, int timeout_ms, uint64_t *instance, uint64_t *epoch)
{
    struct rs_shm_header *h = shm->header;
    uint64_t deadline = rs_now_ms() + (uint64_t)timeout_ms, now, frozen;
    int count;

    if (atomic_load(&h->active_epoch) <= atomic_load(&h->acked_epoch) + 1) { /* none frozen: ask for it */
        atomic_store(&h->drain_wanted, atomic_load(&h->active_epoch) + 1);
        rs_shm_wake(shm);
        for (;;) {
            uint32_t seen = atomic_load(&h->changes);

            if (atomic_load(&h->active_epoch) > atomic_load(&h->acked_epoch) + 1)
                break;
            if ((now = rs_now_ms()) >= deadline)
                return -ETIMEDOUT;
            rs_shm_wait_change(shm, seen, (int)(deadline - now));
        }
    }
    frozen = atomic_load(&h->active_epoch) - 1;
    count = copy_bank(shm, frozen, out, capacity);
    if (count < 0)
        return count;
    *instance = h->instance;
    *epoch = frozen;
    return count;
}
