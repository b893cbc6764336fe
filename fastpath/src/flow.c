/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow table: see flow.h for its rules. */

#include "flow.h"

#include "bytes.h"
#include "mix.h"

#include <string.h>

uint32_t rs_flow_buckets(uint32_t flows)
{
    uint32_t buckets = 1;

    while (buckets * RS_FLOW_WAYS < flows && buckets < 1u << 24)
        buckets *= 2;
    return buckets;
}

/* Any order will do, as long as both directions agree on it. */
int rs_flow_source_is_high(const struct rs_view *v)
{
    uint64_t source = rs_le64(v->source), target = rs_le64(v->target);

    if (source != target)
        return source > target;
    source = rs_le64(v->source + 8);
    target = rs_le64(v->target + 8);
    return source != target ? source > target : v->source_port > v->target_port;
}

/* Multiply and fold; both directions give the same value because the endpoints are ordered first. */
static uint64_t hash_key(const struct rs_flow *key, uint32_t seed)
{
    uint64_t h = seed ^ UINT64_C(0x9e3779b97f4a7c15);
    uint64_t ports = (uint64_t)key->low_port << 24 | (uint64_t)key->high_port << 8 | key->transport;

    h = rs_mix(h ^ rs_le64(key->low), rs_le64(key->low + 8) ^ UINT64_C(0xa0761d6478bd642f));
    h = rs_mix(h ^ rs_le64(key->high), rs_le64(key->high + 8) ^ UINT64_C(0xe7037ed1a0b428db));
    return rs_mix(h ^ ports, (uint64_t)seed << 32 ^ UINT64_C(0x8ebc6af09c88c6e3));
}

static void fill_key(struct rs_flow *key, const struct rs_view *v, int is_high)
{
    memcpy(key->low, is_high ? v->target : v->source, 16);
    memcpy(key->high, is_high ? v->source : v->target, 16);
    key->low_port = is_high ? v->target_port : v->source_port;
    key->high_port = is_high ? v->source_port : v->target_port;
    key->transport = v->transport;
}

static int same_key(const struct rs_flow *flow, const struct rs_flow *key)
{
    uint32_t ports_a, ports_b;

    memcpy(&ports_a, &flow->low_port, sizeof ports_a);
    memcpy(&ports_b, &key->low_port, sizeof ports_b);
    return ports_a == ports_b && flow->transport == key->transport && rs_le64(flow->low) == rs_le64(key->low) &&
           rs_le64(flow->low + 8) == rs_le64(key->low + 8) && rs_le64(flow->high) == rs_le64(key->high) &&
           rs_le64(flow->high + 8) == rs_le64(key->high + 8);
}

static uint32_t longest_silent(const struct rs_flow_bucket *b, uint32_t now_s)
{
    uint32_t best = 0, silence = 0;

    for (uint32_t way = 0; way < RS_FLOW_WAYS; way++) {
        uint32_t idle = (uint16_t)(now_s - b->seen_s[way]);

        if (idle >= silence) {
            silence = idle;
            best = way;
        }
    }
    return best;
}

struct rs_flow *rs_flow_find(struct rs_flow_table *table, const struct rs_view *view, uint32_t now_s, int *is_new,
                             struct rs_flow *old, uint32_t *silent_s)
{
    struct rs_flow key, *flows;
    struct rs_flow_bucket *bucket;
    uint64_t hash;
    uint32_t number, way;
    uint16_t tag;

    fill_key(&key, view, rs_flow_source_is_high(view));
    hash = hash_key(&key, table->seed);
    number = (uint32_t)(hash & (table->buckets - 1));
    tag = (uint16_t)(hash >> 48 | 1);
    bucket = &table->index[number];
    flows = &table->flows[number * RS_FLOW_WAYS];
    *is_new = 0;
    *silent_s = 0;
    for (way = 0; way < RS_FLOW_WAYS && bucket->tags[way] != 0; way++)
        if (bucket->tags[way] == tag && same_key(&flows[way], &key)) {
            *silent_s = (uint16_t)(now_s - bucket->seen_s[way]);
            bucket->seen_s[way] = (uint16_t)now_s;
            return &flows[way];
        }
    if (way == RS_FLOW_WAYS)
        way = longest_silent(bucket, now_s);
    bucket->tags[way] = tag;
    bucket->seen_s[way] = (uint16_t)now_s;
    rs_flow_clear(&flows[way], old);
    memcpy(&flows[way], &key, offsetof(struct rs_flow, flags));
    *is_new = 1;
    return &flows[way];
}

void rs_flow_clear(struct rs_flow *flow, struct rs_flow *old)
{
    *old = *flow;
    memset((uint8_t *)flow + offsetof(struct rs_flow, flags), 0, sizeof *flow - offsetof(struct rs_flow, flags));
    flow->flags = RS_FLOW_USED;
    flow->detail.open.stream[0] = flow->detail.open.stream[1] = RS_NO_STREAM;
}
