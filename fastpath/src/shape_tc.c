/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTB trees by rtnetlink (linux/pkt_sched.h, tc-htb(8)): many classes a message buffer, since one request each makes a
 * thousand classes cost seconds.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "netlink.h"
#include "shape.h"

#define MAJOR       0x10000u
#define BUFFER      65536u
#define CLASS_BYTES 320u /* the most that a class and its queue take in a buffer */
#define TICK_NS     64u  /* of the packet scheduler */
#define MTU_BYTES   1514u
#define CODEL_FLOWS 128u /* a host's own flows; 64 bytes each */
#define QUEUE_MS    50u  /* of a queue that cannot tell flows apart */

static void begin(struct rs_nl *nl, uint16_t type, uint16_t flags, int index, uint32_t handle, uint32_t parent)
{
    struct tcmsg head = {.tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_handle = handle, .tcm_parent = parent};

    rs_nl_begin_with(nl, type, flags, &head, sizeof head);
}

static void put_text(struct rs_nl *nl, uint16_t type, const char *text)
{
    rs_nl_put(nl, type, text, strlen(text) + 1);
}

static void put_native(struct rs_nl *nl, uint16_t type, uint32_t value)
{
    rs_nl_put(nl, type, &value, sizeof value);
}

static int ask(struct rs_tc *tc, struct rs_nl *nl)
{
    return rs_nl_ask_all(tc->fd, nl, NULL, NULL);
}

/* Whether the kernel has fq_codel, by trying it on the loopback, where nothing is shaped. */
static int try_fq_codel(struct rs_tc *tc)
{
    _Alignas(4) uint8_t data[256];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};
    struct rs_nl undo = {.data = data, .capacity = sizeof data};
    int index = (int)if_nametoindex("lo"), result;

    begin(&nl, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, index, 0, TC_H_ROOT);
    put_text(&nl, TCA_KIND, "fq_codel");
    result = ask(tc, &nl);
    if (result == 0) {
        begin(&undo, RTM_DELQDISC, NLM_F_ACK, index, 0, TC_H_ROOT);
        ask(tc, &undo);
    }
    return result == 0 || result == -EEXIST;
}

int rs_tc_open(struct rs_tc *tc)
{
    tc->fd = rs_nl_open(NETLINK_ROUTE, 0, 4 << 20);
    if (tc->fd < 0)
        return tc->fd;
    tc->has_fq_codel = try_fq_codel(tc);
    return 0;
}

void rs_tc_close(struct rs_tc *tc)
{
    if (tc->fd >= 0)
        close(tc->fd);
    tc->fd = -1;
}

int rs_tc_plant(struct rs_tc *tc, int index, uint32_t default_minor)
{
    _Alignas(4) uint8_t data[512];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};
    struct tc_htb_glob glob = {.version = 3, .rate2quantum = 10, .defcls = default_minor};
    size_t options;

    rs_tc_fell(tc, index);
    begin(&nl, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, index, MAJOR, TC_H_ROOT);
    put_text(&nl, TCA_KIND, "htb");
    options = rs_nl_nest(&nl, TCA_OPTIONS);
    rs_nl_put(&nl, TCA_HTB_INIT, &glob, sizeof glob);
    rs_nl_end(&nl, options);
    return ask(tc, &nl);
}

int rs_tc_fell(struct rs_tc *tc, int index)
{
    _Alignas(4) uint8_t data[128];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};

    begin(&nl, RTM_DELQDISC, NLM_F_ACK, index, MAJOR, TC_H_ROOT);
    return ask(tc, &nl);
}

/* Time to send so many bytes, in the scheduler's ticks. */
static uint32_t ticks(uint64_t bytes, uint64_t rate_bps)
{
    uint64_t value = bytes * 8 * (1000000000u / TICK_NS) / (rate_bps ? rate_bps : 1);

    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static uint64_t burst(uint64_t rate_bps)
{
    uint64_t of_a_millisecond = rate_bps / 8 / 1000;

    return of_a_millisecond > 2 * MTU_BYTES ? of_a_millisecond : 2 * MTU_BYTES;
}

static void put_class(struct rs_nl *nl, int index, const struct rs_class *class, int is_new)
{
    uint64_t rate = class->rate / 8, ceil = class->ceil / 8;
    struct tc_htb_opt parameters = {
        .rate = {.linklayer = TC_LINKLAYER_ETHERNET, .rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate},
        .ceil = {.linklayer = TC_LINKLAYER_ETHERNET, .rate = ceil > UINT32_MAX ? UINT32_MAX : (uint32_t)ceil},
        .buffer = ticks(burst(class->rate), class->rate),
        .cbuffer = ticks(burst(class->ceil), class->ceil),
        .quantum = class->quantum,
        .prio = class->priority,
    };
    size_t options;

    begin(nl, RTM_NEWTCLASS, (uint16_t)(NLM_F_ACK | (is_new ? NLM_F_CREATE | NLM_F_EXCL : 0)), index, MAJOR | class->id,
          class->parent ? MAJOR | class->parent : MAJOR);
    put_text(nl, TCA_KIND, "htb");
    options = rs_nl_nest(nl, TCA_OPTIONS);
    if (rate > UINT32_MAX)
        rs_nl_put(nl, TCA_HTB_RATE64, &rate, sizeof rate);
    if (ceil > UINT32_MAX)
        rs_nl_put(nl, TCA_HTB_CEIL64, &ceil, sizeof ceil);
    rs_nl_put(nl, TCA_HTB_PARMS, &parameters, sizeof parameters);
    rs_nl_end(nl, options);
}

/* A leaf's own queue: flows apart and short where the kernel can, else short. */
static void put_queue(const struct rs_tc *tc, struct rs_nl *nl, int index, const struct rs_class *class)
{
    uint32_t packets = (uint32_t)(class->ceil / 8 * QUEUE_MS / 1000 / MTU_BYTES);
    uint32_t packet_us = (uint32_t)(UINT64_C(12000000) * MTU_BYTES / (class->ceil ? class->ceil : 1));
    struct tc_fifo_qopt fifo = {.limit = packets < 16 ? 16 : packets > 1000 ? 1000 : packets};
    size_t options;

    begin(nl, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, index, 0, MAJOR | class->id);
    put_text(nl, TCA_KIND, tc->has_fq_codel ? "fq_codel" : "pfifo");
    if (!tc->has_fq_codel) {
        rs_nl_put(nl, TCA_OPTIONS, &fifo, sizeof fifo);
        return;
    }
    options = rs_nl_nest(nl, TCA_OPTIONS);
    put_native(nl, TCA_FQ_CODEL_FLOWS, CODEL_FLOWS);
    put_native(nl, TCA_FQ_CODEL_LIMIT, 1000);
    put_native(nl, TCA_FQ_CODEL_MEMORY_LIMIT, 1u << 20);
    put_native(nl, TCA_FQ_CODEL_TARGET,
               packet_us > 5000 ? packet_us : 5000); /* RFC 8289 5.2: not below a packet's time */
    rs_nl_end(nl, options);
}

int rs_tc_set(struct rs_tc *tc, int index, const struct rs_class *classes, uint32_t count, int is_new)
{
    _Alignas(4) static uint8_t data[BUFFER];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};
    int result = 0, error;

    for (uint32_t i = 0; i < count; i++) {
        put_class(&nl, index, &classes[i], is_new);
        if (is_new && classes[i].is_leaf)
            put_queue(tc, &nl, index, &classes[i]);
        if (i + 1 < count && nl.length + 2 * CLASS_BYTES < nl.capacity)
            continue;
        error = ask(tc, &nl);
        result = result ? result : error;
        nl.length = nl.messages = 0;
    }
    return result;
}

int rs_tc_remove(struct rs_tc *tc, int index, const uint32_t *minors, uint32_t count)
{
    _Alignas(4) static uint8_t data[BUFFER];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};
    int result = 0, error;

    for (uint32_t i = 0; i < count; i++) {
        begin(&nl, RTM_DELTCLASS, NLM_F_ACK, index, MAJOR | minors[i], 0);
        if (i + 1 < count && nl.length + CLASS_BYTES < nl.capacity)
            continue;
        error = ask(tc, &nl);
        result = result ? result : error;
        nl.length = nl.messages = 0;
    }
    return result;
}

struct listener {
    rs_class_heard heard;
    void *context;
};

static void hear(const struct nlmsghdr *message, void *context)
{
    const struct listener *listener = context;
    const struct tcmsg *head = NLMSG_DATA(message);
    const struct nlattr *attributes[TCA_MAX + 1], *stats[TCA_STATS_MAX + 1];
    struct gnet_stats_basic basic = {0};
    struct gnet_stats_queue queue = {0};

    if (message->nlmsg_type != RTM_NEWTCLASS || message->nlmsg_len < NLMSG_LENGTH(sizeof *head))
        return;
    rs_nl_attributes(head + 1, message->nlmsg_len - NLMSG_LENGTH(sizeof *head), attributes, TCA_MAX + 1);
    if (!attributes[TCA_STATS2])
        return;
    rs_nl_attributes(rs_nl_value(attributes[TCA_STATS2]), rs_nl_length(attributes[TCA_STATS2]), stats,
                     TCA_STATS_MAX + 1);
    if (stats[TCA_STATS_BASIC] && rs_nl_length(stats[TCA_STATS_BASIC]) >= offsetof(struct gnet_stats_basic, packets))
        memcpy(&basic.bytes, rs_nl_value(stats[TCA_STATS_BASIC]), sizeof basic.bytes);
    if (stats[TCA_STATS_QUEUE] && rs_nl_length(stats[TCA_STATS_QUEUE]) >= sizeof queue)
        memcpy(&queue, rs_nl_value(stats[TCA_STATS_QUEUE]), sizeof queue);
    listener->heard(head->tcm_handle & 0xffff, basic.bytes, queue.backlog, listener->context);
}

int rs_tc_read(struct rs_tc *tc, int index, rs_class_heard heard, void *context)
{
    _Alignas(4) uint8_t data[128];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};
    struct listener listener = {heard, context};

    begin(&nl, RTM_GETTCLASS, NLM_F_DUMP, index, 0, 0);
    return rs_nl_ask_all(tc->fd, &nl, hear, &listener);
}

int rs_tc_read_one(struct rs_tc *tc, int index, uint32_t minor, rs_class_heard heard, void *context)
{
    _Alignas(4) uint8_t data[128];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};
    struct listener listener = {heard, context};

    begin(&nl, RTM_GETTCLASS, NLM_F_ACK | NLM_F_ECHO, index, MAJOR | minor, 0);
    return rs_nl_ask_all(tc->fd, &nl, hear, &listener);
}

int rs_tc_make_intermediate(struct rs_tc *tc, const char *name, int *index)
{
    _Alignas(4) uint8_t data[512];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};
    struct ifinfomsg head = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    size_t info;
    int result;

    rs_nl_begin_with(&nl, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE, &head, sizeof head);
    put_text(&nl, IFLA_IFNAME, name);
    info = rs_nl_nest(&nl, IFLA_LINKINFO);
    put_text(&nl, IFLA_INFO_KIND, "ifb");
    rs_nl_end(&nl, info);
    result = ask(tc, &nl);
    *index = (int)if_nametoindex(name);
    return *index ? 0 : result ? result : -ENODEV;
}

int rs_tc_delete_device(struct rs_tc *tc, int index)
{
    _Alignas(4) uint8_t data[128];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};
    struct ifinfomsg head = {.ifi_index = index};

    rs_nl_begin_with(&nl, RTM_DELLINK, NLM_F_ACK, &head, sizeof head);
    return ask(tc, &nl);
}

int rs_tc_redirect(struct rs_tc *tc, int from, int to)
{
    _Alignas(4) uint8_t data[1024];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};
    struct tc_mirred mirred = {.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = (uint32_t)to};
    struct tc_u32_sel selector = {.flags = TC_U32_TERMINAL, .nkeys = 1};
    uint8_t all[sizeof selector + sizeof(struct tc_u32_key)] = {0}; /* a key without a bit matches everything */
    struct tcmsg head = {.tcm_ifindex = from,
                         .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
                         .tcm_info = TC_H_MAKE(1u << 16, (uint32_t)htons(ETH_P_ALL))};
    size_t options, actions, action, own;

    rs_tc_undirect(tc, from);
    begin(&nl, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, from, TC_H_MAKE(TC_H_CLSACT, 0), TC_H_CLSACT);
    put_text(&nl, TCA_KIND, "clsact");
    rs_nl_begin_with(&nl, RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    put_text(&nl, TCA_KIND, "u32"); /* "matchall" is not in every kernel */
    options = rs_nl_nest(&nl, TCA_OPTIONS);
    memcpy(all, &selector, sizeof selector);
    rs_nl_put(&nl, TCA_U32_SEL, all, sizeof all);
    actions = rs_nl_nest(&nl, TCA_U32_ACT);
    action = rs_nl_nest(&nl, 1);
    put_text(&nl, TCA_ACT_KIND, "mirred");
    own = rs_nl_nest(&nl, TCA_ACT_OPTIONS);
    rs_nl_put(&nl, TCA_MIRRED_PARMS, &mirred, sizeof mirred);
    rs_nl_end(&nl, own);
    rs_nl_end(&nl, action);
    rs_nl_end(&nl, actions);
    rs_nl_end(&nl, options);
    return ask(tc, &nl);
}

int rs_tc_undirect(struct rs_tc *tc, int from)
{
    _Alignas(4) uint8_t data[128];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};

    begin(&nl, RTM_DELQDISC, NLM_F_ACK, from, TC_H_MAKE(TC_H_CLSACT, 0), TC_H_CLSACT);
    return ask(tc, &nl);
}
