/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The little of netlink that queue and accounting need: build a message in a caller's buffer, read attributes, ask and
 * wait for the answer. Attribute values of netfilter are in network order. Every function that fails returns -errno.
 */
#ifndef RS_NETLINK_H
#define RS_NETLINK_H

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#define RS_NLA_HEADER sizeof(struct nlattr) /* NLA_HDRLEN without its sign */

struct rs_nl {
    uint8_t *data; /* aligned to 4 */
    size_t capacity, length;
    size_t message; /* where the current message starts */
    uint32_t messages;
};

typedef void (*rs_nl_heard)(const struct nlmsghdr *message, void *context);

/* A socket of that protocol (NETLINK_*), bound, with a receive buffer of that size; groups: multicast groups as a bit mask. */
int rs_nl_open(int protocol, uint32_t groups, int receive_bytes);
/* Begins another message in the buffer, with its family's header; -ENOBUFS when it does not fit. */
int rs_nl_begin_with(struct rs_nl *nl, uint16_t type, uint16_t flags, const void *head, size_t length);
/* Begins another message in the buffer; -ENOBUFS when it does not fit. subsystem NFNL_SUBSYS_*. */
int rs_nl_begin(struct rs_nl *nl, uint8_t subsystem, uint8_t type, uint16_t flags, uint8_t family, uint16_t resource);
int rs_nl_put(struct rs_nl *nl, uint16_t type, const void *value, size_t length);
int rs_nl_put_u32(struct rs_nl *nl, uint16_t type, uint32_t value);
/* Begins an attribute that holds those put until rs_nl_end(nl, what this gave); too long ones are cut by a failing put. */
size_t rs_nl_nest(struct rs_nl *nl, uint16_t type);
void rs_nl_end(struct rs_nl *nl, size_t nest);
int rs_nl_send(int fd, const struct rs_nl *nl);
/* Sends and waits for the acknowledgement of each message in the buffer (all must carry NLM_F_ACK). */
int rs_nl_ask(int fd, const struct rs_nl *nl, uint32_t messages);
/* Sends and takes the answers to all messages, each of which must end with an acknowledgement or be a dump; what else comes
 * is heard (NULL: skipped). The first error, 0 without one. */
int rs_nl_ask_all(int fd, struct rs_nl *nl, rs_nl_heard heard, void *context);
/* Fills table[type] for types below count, the rest NULL. An attribute with a length that does not fit ends the reading. */
void rs_nl_attributes(const void *data, size_t length, const struct nlattr **table, uint32_t count);

static inline const void *rs_nl_value(const struct nlattr *attribute)
{
    return (const uint8_t *)attribute + RS_NLA_HEADER;
}

static inline size_t rs_nl_length(const struct nlattr *attribute)
{
    return (size_t)attribute->nla_len - RS_NLA_HEADER;
}

#endif
