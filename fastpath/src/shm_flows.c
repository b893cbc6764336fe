/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Live flows for rsd: conntrack's entries with what the ledger and the flow tables know of them. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "classifier.h"
#include "netlink.h"
#include "worker.h"

struct listing {
    rs_shm *shm;
    const rs_policy *policy;
    const rs_flow_filter *wanted;
    rs_live_flow *flows;
    uint32_t capacity, count, smallest; /* smallest: index, valid when full */
    uint64_t now_ms, now_ns, foreign;   /* foreign: generations whose marks have the numbers of an older database */
};

static uint64_t flow_bytes(const rs_live_flow *flow)
{
    return flow->up_bytes + flow->down_bytes;
}

static void find_smallest(struct listing *l)
{
    l->smallest = 0;
    for (uint32_t i = 1; i < l->count; i++)
        if (flow_bytes(&l->flows[i]) < flow_bytes(&l->flows[l->smallest]))
            l->smallest = i;
}

/* With conntrack's timestamps exact; else since the accounting first saw the flow. */
static uint64_t find_age(const struct listing *l, const struct rs_ct *ct)
{
    uint64_t key = rs_ct_key(ct);
    const struct rs_ledger_slot *slot = rs_ledger_find(l->shm, key);

    if (ct->start_ns && ct->start_ns < l->now_ns)
        return (l->now_ns - ct->start_ns) / 1000000;
    return slot && l->now_ms / 1000 > slot->first_s ? l->now_ms - slot->first_s * UINT64_C(1000) : 0;
}

static int is_wanted(const rs_flow_filter *wanted, const uint8_t *host, const rs_live_flow *flow)
{
    return (!wanted->host || memcmp(wanted->host, host, 16) == 0) &&
           (!wanted->applications || wanted->applications[flow->application / 8] >> flow->application % 8 & 1) &&
           (wanted->line < 0 || wanted->line == flow->wan);
}

static void take_flow(void *context, const struct rs_ct *ct)
{
    struct listing *l = context;
    struct rs_ct_side side;
    rs_live_flow flow;

    memset(&flow, 0, sizeof flow);
    rs_ct_find_side(l->policy, ct, &side);
    if (ct->mark & RS_MARK_DECIDED) {
        flow.is_decided = 1;
        if (!(l->foreign >> (ct->mark >> RS_MARK_GENERATION_SHIFT & 63) & 1)) /* else not named until its next packet */
            flow.application = ct->mark & RS_MARK_APP;
        flow.action = ct->mark >> RS_MARK_ACTION_SHIFT & 15;
    }
    flow.wan = ct->mark >> 12 & 15;
    if (rs_ct_is_loopback(ct) || !is_wanted(l->wanted, side.host, &flow))
        return;
    flow.transport = ct->transport;
    flow.up_bytes = side.up_bytes;
    flow.down_bytes = side.down_bytes;
    flow.age_ms = find_age(l, ct);
    /* What clients and servers call themselves: before masquerade on the one side, after a port forward on the other. */
    memcpy(flow.client, ct->original.source, 16);
    memcpy(flow.server, ct->reply.source, 16);
    memcpy(flow.host_address, side.host, 16);
    flow.client_port = ct->original.source_port;
    flow.server_port = ct->reply.source_port;
    if (l->count < l->capacity) {
        l->flows[l->count++] = flow;
        if (l->count == l->capacity)
            find_smallest(l);
    } else if (flow_bytes(&flow) > flow_bytes(&l->flows[l->smallest])) {
        l->flows[l->smallest] = flow;
        find_smallest(l);
    }
}

/* Independent of the direction: who is the client can be told otherwise by a flow table that saw the flow late. */
static uint32_t hash_ends(const uint8_t *a, uint16_t a_port, const uint8_t *b, uint16_t b_port, uint8_t transport)
{
    uint32_t hash = (uint32_t)a_port * b_port + a_port + b_port + transport;

    for (int i = 0; i < 16; i++)
        hash += (uint32_t)(a[i] + 1) * (uint32_t)(b[i] + 1) * (2u * (uint32_t)i + 3);
    return hash * 0x9e3779b1u >> 8;
}

static int is_same_flow(const rs_live_flow *f, const rs_result *r)
{
    if (f->transport != r->transport)
        return 0;
    if (f->client_port == r->client_port && f->server_port == r->server_port && !memcmp(f->client, r->client, 16) &&
        !memcmp(f->server, r->server, 16))
        return 1;
    return f->client_port == r->server_port && f->server_port == r->client_port && !memcmp(f->client, r->server, 16) &&
           !memcmp(f->server, r->client, 16);
}

static void add_opening(rs_live_flow *f, const struct rs_opening *place, const rs_result *r)
{
    struct rs_opening copy = *place;

    if (rs_opening_of(&copy, r) == NULL)
        return;
    for (int side = 0; side < 2; side++)
        f->opening_length[side] = copy.length[side] < RS_OPENING_SIZE ? copy.length[side] : RS_OPENING_SIZE;
    memcpy(f->opening, copy.bytes, sizeof f->opening);
    memcpy(f->ja4, copy.ja4, sizeof f->ja4 - 1);
    if (copy.confidence != 0 && r->application == 0) { /* else the ports are another flow's by now, which is known */
        f->confidence = copy.confidence;
        f->stage = RS_STAGE_BEHAVIOUR;
    }
}

/* Looks every flow of the flow tables up among the listed ones: their own lookup is the queue threads'. */
static int join_flow_tables(const struct listing *l)
{
    const struct rs_shm_header *h = l->shm->header;
    uint32_t slots = 64, index;
    uint32_t *table;
    rs_result r;

    while (slots < l->count * 2)
        slots *= 2;
    table = calloc(slots, sizeof *table); /* index + 1 */
    if (!table)
        return -ENOMEM;
    for (uint32_t i = 0; i < l->count; i++) {
        const rs_live_flow *f = &l->flows[i];

        index = hash_ends(f->client, f->client_port, f->server, f->server_port, f->transport) & (slots - 1);
        while (table[index])
            index = (index + 1) & (slots - 1);
        table[index] = i + 1;
    }
    for (uint32_t q = 0; q < h->queues; q++) {
        const uint8_t *memory = l->shm->classifiers + h->classifier_length * q;
        uint32_t count = 0, stop = 0;
        const struct rs_flow *flows = rs_classifier_flows(memory, h->classifier_length, &count);

        for (uint32_t n = 0; flows && (n = rs_shm_next(l->shm, flows, sizeof *flows, count, n, &stop)) < count; n++) {
            if (rs_classifier_read_flow(memory, h->classifier_length, n, &r) <= 0)
                continue;
            index = hash_ends(r.client, r.client_port, r.server, r.server_port, r.transport) & (slots - 1);
            for (; table[index]; index = (index + 1) & (slots - 1)) {
                rs_live_flow *f = &l->flows[table[index] - 1];

                if (!is_same_flow(f, &r))
                    continue;
                f->protocol = r.protocol;
                f->stage = r.stage;
                memcpy(f->host, r.host, sizeof f->host);
                add_opening(f, &l->shm->openings[h->openings_count * q + n], &r);
            }
        }
    }
    free(table);
    return 0;
}

int rs_shm_flows(rs_shm *shm, const rs_policy *policy, const rs_flow_filter *wanted, rs_live_flow *out,
                 uint32_t capacity)
{
    struct listing listing = {shm, policy, wanted,      out, capacity,
                              0,   0,      rs_now_ms(), 0,   rs_counter_get(&shm->header->foreign_generations)};
    struct timespec now;
    int fd = rs_nl_open(NETLINK_NETFILTER, 0, 1 << 20), result;

    if (fd < 0)
        return fd;
    clock_gettime(CLOCK_REALTIME, &now);
    listing.now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    result = capacity ? rs_ct_dump(fd, take_flow, &listing) : 0;
    close(fd);
    if (result == 0 || result == -EINTR) /* interrupted: some flows are missing from a picture that is old anyway */
        result = join_flow_tables(&listing);
    return result < 0 ? result : (int)listing.count;
}
