/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table: 128 bytes a flow, sixteen flows a bucket, fixed capacity.
 *
 * Eviction: a new flow takes a free place of its bucket, else the place of the flow of that bucket that was silent for
 * longest (by the second, modulo 18 hours); the latter is counted. The hash is seeded, so nobody outside can aim at one
 * bucket. No pointers are kept in the memory, so another process that maps it can read it.
 */
#ifndef RS_FLOW_H
#define RS_FLOW_H

#include <stddef.h>
#include <stdint.h>

#include "view.h"

#define RS_FLOW_WAYS      16u
#define RS_FLOW_HOST      72u /* bytes of a host name that a flow keeps: its end, with NUL */
#define RS_NO_STREAM      0xffff
#define RS_DISSECTORS_MAX 320u
#define RS_MASK_WORDS     (RS_DISSECTORS_MAX / 64u)

enum rs_flow_flags {
    RS_FLOW_USED = 1,
    RS_FLOW_CLIENT_IS_HIGH = 2, /* the client is the greater of the two endpoints */
    RS_FLOW_FINAL = 4,          /* nothing more is asked: the rest is counting */
    RS_FLOW_HAS_HOST = 8,       /* detail.host holds; else detail.open */
    RS_FLOW_BASE_CLIENT = 16,   /* base[] of that direction is known */
    RS_FLOW_BASE_SERVER = 32,
    RS_FLOW_GIVEN_UP = 64, /* the own dissectors are at their end: what is left is libndpi */
    RS_FLOW_PARTIAL = 128, /* the protocol is known, what runs over it not yet */
};

/* What dissectors of datagrams remember between two packets of an undecided flow. */
struct rs_notes {
    uint32_t rtp_source[2];
    uint16_t rtp_sequence[2];
    uint8_t rtp_count[2];
    uint16_t count : 4; /* of packets that agreed with a weak sign */
    uint16_t kind : 12; /* which sign: a protocol of protocols.h */
};

struct rs_flow_open {
    uint64_t excluded[RS_MASK_WORDS];
    uint32_t base[2];   /* TCP: sequence number of the first byte, by direction (0 from the client) */
    uint16_t stream[2]; /* buffer in the pool, RS_NO_STREAM none */
    struct rs_notes notes;
    uint16_t ndpi;     /* slot of the libndpi stage + 1 */
    uint8_t silent[2]; /* per direction: every dissector has excluded itself */
};

struct rs_flow {
    uint8_t low[16], high[16];
    uint16_t low_port, high_port;
    uint8_t transport, flags, state, stage;
    uint32_t packets;
    uint16_t application, protocol;
    uint8_t payloads[2]; /* packets with payload by direction, at most 255 */
    uint16_t row;        /* PARTIAL: the only dissector that is still asked */
    union {
        char host[RS_FLOW_HOST];
        struct rs_flow_open open;
    } detail;
};

_Static_assert(sizeof(struct rs_flow) == 128, "a flow is two cache lines");

/* What it takes to find a flow or a place for it, so that of sixteen flows only the right one is touched. */
struct rs_flow_bucket {
    uint16_t tags[RS_FLOW_WAYS];   /* of the hash; 0 free: places are taken in order and never given back */
    uint16_t seen_s[RS_FLOW_WAYS]; /* low bits of the time of the last packet */
};

_Static_assert(sizeof(struct rs_flow_bucket) == 64, "a bucket is one cache line");

struct rs_flow_table {
    uint32_t buckets; /* power of two */
    uint32_t seed;
    struct rs_flow_bucket *index;
    struct rs_flow *flows; /* RS_FLOW_WAYS per bucket */
};

/* Buckets for at least that many flows. */
uint32_t rs_flow_buckets(uint32_t flows);
/* The flow of the packet; *is_new is set when its place was taken just now, and *old gets what was there. *silent_s: since
 * the packet before (modulo 18 hours). */
struct rs_flow *rs_flow_find(struct rs_flow_table *table, const struct rs_view *view, uint32_t now_s, int *is_new,
                             struct rs_flow *old, uint32_t *silent_s);
/* Begins the same flow anew; *old gets what it was. */
void rs_flow_clear(struct rs_flow *flow, struct rs_flow *old);
/* 1 when the packet comes from the greater of its two endpoints. */
int rs_flow_source_is_high(const struct rs_view *view);

#endif
