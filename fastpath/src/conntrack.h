/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A conntrack entry as netlink tells it, and the dump of all of them. */
#ifndef RS_CONNTRACK_H
#define RS_CONNTRACK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#include "api.h"

struct rs_ct_end {
    uint8_t source[16], target[16];
    uint16_t source_port, target_port;
    uint64_t bytes, packets;
};

struct rs_ct {
    struct rs_ct_end original, reply;
    uint64_t start_ns; /* UTC; 0 where nf_conntrack_timestamp is off */
    uint32_t id, mark;
    uint8_t transport, has_counters, is_fast; /* is_fast: it is in a flowtable */
};

/* The LAN's side of an entry. */
struct rs_ct_side {
    const uint8_t *host; /* all zero: the router itself */
    uint64_t up_bytes, down_bytes, up_packets, down_packets;
    uint8_t is_inbound; /* opened from outside */
};

/* 0, or -EINVAL when it is no whole entry. */
int rs_ct_read(const struct nlmsghdr *message, struct rs_ct *out);
/* Which end is the LAN host; policy NULL: nothing is local. */
void rs_ct_find_side(const rs_policy *policy, const struct rs_ct *ct, struct rs_ct_side *out);
/* Whether the entry never left this machine. */
int rs_ct_is_loopback(const struct rs_ct *ct);
uint64_t rs_ct_key(const struct rs_ct *ct); /* never 0 */
/* Calls take for every entry of both families. 0, or what netlink says (-EINTR: the table changed much, some are missing). */
int rs_ct_dump(int fd, void (*take)(void *context, const struct rs_ct *ct), void *context);

#endif
