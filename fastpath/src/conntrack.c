/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads conntrack entries from netlink (linux/netfilter/nfnetlink_conntrack.h). */

#include "conntrack.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"

static uint32_t read_u32(const struct nlattr *attribute)
{
    uint32_t value_be = 0;

    if (attribute && rs_nl_length(attribute) >= sizeof value_be)
        memcpy(&value_be, rs_nl_value(attribute), sizeof value_be);
    return ntohl(value_be);
}

static uint16_t read_u16(const struct nlattr *attribute)
{
    uint16_t value_be = 0;

    if (attribute && rs_nl_length(attribute) >= sizeof value_be)
        memcpy(&value_be, rs_nl_value(attribute), sizeof value_be);
    return ntohs(value_be);
}

static uint64_t read_u64(const struct nlattr *attribute)
{
    uint64_t value_be = 0;

    if (attribute && rs_nl_length(attribute) >= sizeof value_be)
        memcpy(&value_be, rs_nl_value(attribute), sizeof value_be);
    return be64toh(value_be);
}

static void nested(const struct nlattr *attribute, const struct nlattr **table, uint32_t count)
{
    rs_nl_attributes(rs_nl_value(attribute), rs_nl_length(attribute), table, count);
}

static int read_address(const struct nlattr *v4, const struct nlattr *v6, uint8_t out[16])
{
    if (v4 && rs_nl_length(v4) == 4) {
        memset(out, 0, 10);
        out[10] = out[11] = 0xff;
        memcpy(out + 12, rs_nl_value(v4), 4);
        return 0;
    }
    if (v6 && rs_nl_length(v6) == 16) {
        memcpy(out, rs_nl_value(v6), 16);
        return 0;
    }
    return -EINVAL;
}

static int read_tuple(const struct nlattr *attribute, struct rs_ct_end *out, uint8_t *transport)
{
    const struct nlattr *tuple[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];

    if (!attribute)
        return -EINVAL;
    nested(attribute, tuple, CTA_TUPLE_MAX + 1);
    if (!tuple[CTA_TUPLE_IP] || !tuple[CTA_TUPLE_PROTO])
        return -EINVAL;
    nested(tuple[CTA_TUPLE_IP], ip, CTA_IP_MAX + 1);
    nested(tuple[CTA_TUPLE_PROTO], proto, CTA_PROTO_MAX + 1);
    if (!proto[CTA_PROTO_NUM] || rs_nl_length(proto[CTA_PROTO_NUM]) < 1 ||
        read_address(ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC], out->source) < 0 ||
        read_address(ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST], out->target) < 0)
        return -EINVAL;
    *transport = *(const uint8_t *)rs_nl_value(proto[CTA_PROTO_NUM]);
    out->source_port = read_u16(proto[CTA_PROTO_SRC_PORT]);
    out->target_port = read_u16(proto[CTA_PROTO_DST_PORT]);
    return 0;
}

static int read_counters(const struct nlattr *attribute, struct rs_ct_end *out)
{
    const struct nlattr *counters[CTA_COUNTERS_MAX + 1];

    out->bytes = out->packets = 0;
    if (!attribute)
        return 0;
    nested(attribute, counters, CTA_COUNTERS_MAX + 1);
    out->bytes = read_u64(counters[CTA_COUNTERS_BYTES]);
    out->packets = read_u64(counters[CTA_COUNTERS_PACKETS]);
    return 1;
}

int rs_ct_read(const struct nlmsghdr *message, struct rs_ct *out)
{
    const struct nlattr *ct[CTA_MAX + 1], *stamp[CTA_TIMESTAMP_MAX + 1];
    size_t skip = NLMSG_LENGTH(sizeof(struct nfgenmsg));
    uint8_t ignored;

    if (message->nlmsg_len < skip)
        return -EINVAL;
    rs_nl_attributes((const uint8_t *)message + skip, message->nlmsg_len - skip, ct, CTA_MAX + 1);
    if (read_tuple(ct[CTA_TUPLE_ORIG], &out->original, &out->transport) < 0 ||
        read_tuple(ct[CTA_TUPLE_REPLY], &out->reply, &ignored) < 0)
        return -EINVAL;
    out->has_counters = (uint8_t)read_counters(ct[CTA_COUNTERS_ORIG], &out->original);
    read_counters(ct[CTA_COUNTERS_REPLY], &out->reply);
    out->id = read_u32(ct[CTA_ID]);
    out->mark = read_u32(ct[CTA_MARK]);
    out->is_fast = (read_u32(ct[CTA_STATUS]) & (IPS_OFFLOAD | IPS_HW_OFFLOAD)) != 0;
    out->start_ns = 0;
    if (ct[CTA_TIMESTAMP]) {
        nested(ct[CTA_TIMESTAMP], stamp, CTA_TIMESTAMP_MAX + 1);
        out->start_ns = read_u64(stamp[CTA_TIMESTAMP_START]);
    }
    return 0;
}

void rs_ct_find_side(const rs_policy *policy, const struct rs_ct *ct, struct rs_ct_side *out)
{
    static const uint8_t unspecified[16];
    const struct rs_ct_end *up = &ct->original, *down = &ct->reply;

    out->host = unspecified;
    out->is_inbound = 0;
    if (policy && rs_policy_is_local(policy, ct->original.source)) {
        out->host = ct->original.source;
    } else if (policy &&
               rs_policy_is_local(policy, ct->reply.source)) { /* a port forward or routed IPv6, from outside */
        out->host = ct->reply.source;
        out->is_inbound = 1;
        up = &ct->reply;
        down = &ct->original;
    }
    out->up_bytes = up->bytes;
    out->up_packets = up->packets;
    out->down_bytes = down->bytes;
    out->down_packets = down->packets;
}

int rs_ct_is_loopback(const struct rs_ct *ct)
{
    static const uint8_t v4[13] = {[10] = 0xff, 0xff, 127}, v6[16] = {[15] = 1};

    return memcmp(ct->original.source, v4, sizeof v4) == 0 || memcmp(ct->original.source, v6, sizeof v6) == 0;
}

uint64_t rs_ct_key(const struct rs_ct *ct)
{
    uint64_t hash = ct->transport, part;

    /* The id alone is a 32-bit hash: among 60,000 flows two would share one. */
    for (int i = 0; i < 32; i += 8) {
        memcpy(&part, (i < 16 ? ct->original.source : ct->original.target) + i % 16, 8);
        hash = (hash ^ part) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    hash = (hash ^ ((uint64_t)ct->original.source_port << 16 | ct->original.target_port)) * 0xff51afd7ed558ccdu;
    return (uint64_t)ct->id << 32 | (hash >> 32) | 1;
}

int rs_ct_dump(int fd, void (*take)(void *context, const struct rs_ct *ct), void *context)
{
    _Alignas(8) uint8_t buffer[32768];
    struct rs_nl nl = {.data = buffer, .capacity = sizeof buffer};
    int is_interrupted = 0, result;

    if ((result = rs_nl_begin(&nl, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC, 0)) < 0 ||
        (result = rs_nl_send(fd, &nl)) < 0)
        return result;
    for (;;) {
        ssize_t length = recv(fd, buffer, sizeof buffer, 0);
        const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;

        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return -errno;
        for (uint32_t left = (uint32_t)length; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
            struct rs_ct ct;

            if (message->nlmsg_type == NLMSG_DONE)
                return is_interrupted ? -EINTR : 0;
            if (message->nlmsg_type == NLMSG_ERROR)
                return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
            is_interrupted |= message->nlmsg_flags & NLM_F_DUMP_INTR;
            if (rs_ct_read(message, &ct) == 0)
                take(context, &ct);
        }
    }
}
