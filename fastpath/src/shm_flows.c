/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Live flows for rsd: conntrack's entries with what the ledger and the flow tables know of them. */

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "netlink.h"
#include "worker.h"

struct listing {
    rs_shm *shm;
    const rs_policy *policy;
    const uint8_t *host;
    int application;
    rs_live_flow *flows;
    uint32_t capacity, count, smallest; /* smallest: index, valid when full */
    uint64_t now_ms, now_ns;
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

static void take_flow(void *context, const struct rs_ct *ct)
{
    struct listing *l = context;
    struct rs_ct_side side;
    rs_live_flow flow;

    memset(&flow, 0, sizeof flow);
    rs_ct_find_side(l->policy, ct, &side);
    if (ct->mark & RS_MARK_DECIDED) {
        flow.is_decided = 1;
        flow.application = ct->mark & RS_MARK_APP;
        flow.action = ct->mark >> RS_MARK_ACTION_SHIFT & 15;
    }
    if (rs_ct_is_loopback(ct) || (l->host && memcmp(l->host, side.host, 16) != 0) ||
        (l->application >= 0 && l->application != flow.application))
        return;
    flow.transport = ct->transport;
    flow.wan = ct->mark >> 12 & 15;
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

int rs_shm_flows(rs_shm *shm, const rs_policy *policy, const uint8_t *host, int application, rs_live_flow *out,
                 uint32_t capacity)
{
    struct listing listing = {shm, policy, host, application, out, capacity, 0, 0, rs_now_ms(), 0};
    struct timespec now;
    int fd = rs_nl_open(0, 1 << 20), result;

    if (fd < 0)
        return fd;
    clock_gettime(CLOCK_REALTIME, &now);
    listing.now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    result = capacity ? rs_ct_dump(fd, take_flow, &listing) : 0;
    close(fd);
    return result < 0 && result != -EINTR ? result : (int)listing.count;
}
