/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rsd takes out of the shared file: counters, events, accounted usage. */

#include <errno.h>
#include <string.h>

#include "shm.h"

void rs_shm_stats(const rs_shm *shm, rs_stats *out)
{
    struct rs_shm_header *h = shm->header;
    uint64_t beat_ms;

    memset(out, 0, sizeof *out);
    out->pid = (uint32_t)rs_shm_owner(shm);
    out->queues = h->queues;
    out->generation = atomic_load(&h->generation);
    out->starts = rs_counter_get(&h->starts);
    out->heartbeat_ms = rs_counter_get(&h->heartbeat_ms);
    out->wanted_policy = rs_counter_get(&h->wanted_policy);
    out->loaded_policy = rs_counter_get(&h->loaded_policy);
    out->refused_policy = rs_counter_get(&h->refused_policy);
    out->wanted_apps = rs_counter_get(&h->wanted_apps);
    out->loaded_apps = rs_counter_get(&h->loaded_apps);
    out->refused_apps = rs_counter_get(&h->refused_apps);
    out->queue_dropped = rs_counter_get(&h->queue_dropped);
    out->hosts = h->hosts;
    out->hosts_evicted = h->hosts_evicted;
    out->usage_lost = rs_counter_get(&h->usage_lost);
    out->ledger_full = rs_counter_get(&h->ledger_full);
    out->destroy_lost = rs_counter_get(&h->destroy_lost);
    out->dumps = rs_counter_get(&h->dumps);
    out->dump_us = rs_counter_get(&h->dump_us);
    out->dump_flows = rs_counter_get(&h->dump_flows);
    out->epoch = rs_counter_get(&h->active_epoch);
    for (uint32_t q = 0; q < h->queues; q++) {
        const struct rs_worker_shared *w = &shm->workers[q];

        out->packets += rs_counter_get(&w->packets);
        out->decided += rs_counter_get(&w->decided);
        out->blocked += rs_counter_get(&w->blocked);
        out->rejudged += rs_counter_get(&w->rejudged);
        out->excluded += rs_counter_get(&w->excluded);
        out->pages += rs_counter_get(&w->pages);
        out->batches += rs_counter_get(&w->batches);
        out->unreadable += rs_counter_get(&w->unreadable);
        out->events_lost += rs_counter_get(&shm->rings[q].lost);
        beat_ms = rs_counter_get(&w->heartbeat_ms);
        if (beat_ms < out->heartbeat_ms) /* the slowest: a queue thread that hangs shows */
            out->heartbeat_ms = beat_ms;
    }
}

void rs_shm_line(const rs_shm *shm, uint32_t line, rs_line_share *out)
{
    const struct rs_line_counters *counters = &shm->header->lines[line & 7];

    *out = (rs_line_share){rs_counter_get(&counters->bytes), rs_counter_get(&counters->fast_bytes),
                           rs_counter_get(&counters->flows), rs_counter_get(&counters->fast_flows)};
}

void rs_shm_put_event(struct rs_ring *ring, const rs_event *event)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

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
        uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
        uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);

        for (; tail != head && count < capacity; tail++)
            out[count++] = ring->slots[tail % RS_EVENT_SLOTS];
        atomic_store_explicit(&ring->tail, tail, memory_order_release);
    }
    return count;
}

void rs_shm_drained(rs_shm *shm, uint64_t epoch)
{
    /* Any other epoch was drained of a file that this one has replaced. */
    if (epoch + 1 == rs_counter_get(&shm->header->active_epoch))
        rs_counter_set(&shm->header->acked_epoch, epoch);
}

static int copy_bank(const rs_shm *shm, uint64_t epoch, rs_usage *out, uint32_t capacity)
{
    const struct rs_usage_bank *bank = shm->banks[epoch & 1];
    uint32_t count = atomic_load_explicit(&shm->header->usage_count[epoch & 1], memory_order_acquire);

    if (count > RS_USAGE_SLOTS || count > capacity)
        return -ENOSPC;
    for (uint32_t i = 0; i < count; i++) {
        const struct rs_usage_row *slot = &bank->rows[i];
        rs_identity host;
        rs_usage *row = &out[i];

        rs_shm_identity(shm, slot->host, &host);
        memcpy(row->host, slot->host, 16);
        memcpy(row->mac, host.mac, 6);
        row->wan = slot->wan;
        row->application = slot->application;
        row->up_bytes = rs_counter_get(&slot->up_bytes);
        row->down_bytes = rs_counter_get(&slot->down_bytes);
        row->up_packets = rs_counter_get(&slot->up_packets);
        row->down_packets = rs_counter_get(&slot->down_packets);
        row->connections = rs_counter_get(&slot->connections);
        row->first_ms = rs_counter_get(&slot->first_ms);
        row->last_ms = rs_counter_get(&slot->last_ms);
    }
    return (int)count;
}

int rs_shm_usage(const rs_shm *shm, rs_usage *out, uint32_t capacity, uint64_t *instance, uint64_t *epoch)
{
    *instance = shm->header->instance;
    *epoch = rs_counter_get(&shm->header->active_epoch);
    return copy_bank(shm, *epoch, out, capacity);
}

int rs_shm_drain(rs_shm *shm, rs_usage *out, uint32_t capacity, int timeout_ms, uint64_t *instance, uint64_t *epoch)
{
    struct rs_shm_header *h = shm->header;
    uint64_t deadline = rs_now_ms() + (uint64_t)timeout_ms, now, frozen;
    int count;

    if (rs_counter_get(&h->active_epoch) <= rs_counter_get(&h->acked_epoch) + 1) { /* none frozen: ask for it */
        rs_counter_set(&h->drain_wanted, rs_counter_get(&h->active_epoch) + 1);
        rs_shm_wake(shm);
        for (;;) {
            uint32_t seen = atomic_load(&h->changes);

            if (rs_counter_get(&h->active_epoch) > rs_counter_get(&h->acked_epoch) + 1)
                break;
            if ((now = rs_now_ms()) >= deadline)
                return -ETIMEDOUT;
            rs_shm_wait_change(shm, seen, (int)(deadline - now));
        }
    }
    frozen = rs_counter_get(&h->active_epoch) - 1;
    count = copy_bank(shm, frozen, out, capacity);
    if (count < 0)
        return count;
    *instance = h->instance;
    *epoch = frozen;
    return count;
}
