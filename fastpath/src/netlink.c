/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink messages by hand: fewer bytes than a library, and nothing to link on the box. */

#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int rs_nl_open(int protocol, uint32_t groups, int receive_bytes)
{
    struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = groups};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), result;

    if (fd < 0)
        return -errno;
    /* FORCE needs CAP_NET_ADMIN, which all callers have; where it fails the default must do. */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes);
    if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0) {
        result = -errno;
        close(fd);
        return result;
    }
    return fd;
}

int rs_nl_begin_with(struct rs_nl *nl, uint16_t type, uint16_t flags, const void *head, size_t length)
{
    struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = nl->messages};
    size_t padded = NLMSG_HDRLEN + NLMSG_ALIGN(length);

    if (nl->length + padded > nl->capacity)
        return -ENOBUFS;
    header.nlmsg_len = (uint32_t)padded;
    nl->message = nl->length;
    nl->messages++;
    memset(nl->data + nl->length, 0, padded);
    memcpy(nl->data + nl->length, &header, sizeof header);
    memcpy(nl->data + nl->length + NLMSG_HDRLEN, head, length);
    nl->length += padded;
    return 0;
}

int rs_nl_begin(struct rs_nl *nl, uint8_t subsystem, uint8_t type, uint16_t flags, uint8_t family, uint16_t resource)
{
    struct nfgenmsg generic = {.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};

    return rs_nl_begin_with(nl, (uint16_t)(subsystem << 8 | type), flags, &generic, sizeof generic);
}

int rs_nl_put(struct rs_nl *nl, uint16_t type, const void *value, size_t length)
{
    struct nlattr attribute = {.nla_len = (uint16_t)(RS_NLA_HEADER + length), .nla_type = type};
    struct nlmsghdr *header = (struct nlmsghdr *)(nl->data + nl->message);
    size_t padded = NLA_ALIGN(attribute.nla_len);

    if (nl->length + padded > nl->capacity)
        return -ENOBUFS;
    memset(nl->data + nl->length, 0, padded);
    memcpy(nl->data + nl->length, &attribute, sizeof attribute);
    memcpy(nl->data + nl->length + RS_NLA_HEADER, value, length);
    nl->length += padded;
    header->nlmsg_len += (uint32_t)padded;
    return 0;
}

int rs_nl_put_u32(struct rs_nl *nl, uint16_t type, uint32_t value)
{
    uint32_t value_be = htonl(value);

    return rs_nl_put(nl, type, &value_be, sizeof value_be);
}

size_t rs_nl_nest(struct rs_nl *nl, uint16_t type)
{
    size_t start = nl->length;

    return rs_nl_put(nl, type | NLA_F_NESTED, "", 0) < 0 ? SIZE_MAX : start;
}

void rs_nl_end(struct rs_nl *nl, size_t nest)
{
    if (nest != SIZE_MAX)
        ((struct nlattr *)(nl->data + nest))->nla_len = (uint16_t)(nl->length - nest);
}

int rs_nl_send(int fd, const struct rs_nl *nl)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

    if (sendto(fd, nl->data, nl->length, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
        return -errno;
    return 0;
}

int rs_nl_ask(int fd, const struct rs_nl *nl, uint32_t messages)
{
    _Alignas(4) uint8_t answer[8192];
    int result = rs_nl_send(fd, nl);

    while (result == 0 && messages > 0) {
        ssize_t length = recv(fd, answer, sizeof answer, 0);
        struct nlmsghdr *header = (struct nlmsghdr *)answer;

        if (length < 0)
            return errno == EINTR ? -EAGAIN : -errno;
        for (uint32_t left = (uint32_t)length; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
            if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
                continue;
            messages--;
            result = ((struct nlmsgerr *)NLMSG_DATA(header))->error;
            if (result < 0)
                return result;
        }
    }
    return result;
}

int rs_nl_ask_all(int fd, struct rs_nl *nl, rs_nl_heard heard, void *context)
{
    _Alignas(4) static _Thread_local uint8_t answer[65536];
    static _Thread_local uint32_t sequence;
    uint32_t left_messages = nl->messages, from = sequence;
    int result, first = 0;

    /* Numbers that are not used again: an answer that came too late for its own request is not taken for another's. */
    for (size_t at = 0; at < nl->length; at += ((struct nlmsghdr *)(nl->data + at))->nlmsg_len)
        ((struct nlmsghdr *)(nl->data + at))->nlmsg_seq += from;
    sequence += nl->messages + 1;
    result = rs_nl_send(fd, nl);

    while (result == 0 && left_messages > 0) {
        ssize_t length = recv(fd, answer, sizeof answer, 0);
        struct nlmsghdr *header = (struct nlmsghdr *)answer;

        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return -errno;
        for (uint32_t left = (uint32_t)length; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
            if (header->nlmsg_seq - from > nl->messages)
                continue;
            if (header->nlmsg_type == NLMSG_DONE) {
                left_messages--;
            } else if (header->nlmsg_type == NLMSG_ERROR &&
                       header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
                int error = ((struct nlmsgerr *)NLMSG_DATA(header))->error;

                first = first ? first : error;
                left_messages--;
            } else if (heard) {
                heard(header, context);
            }
        }
    }
    return result ? result : first;
}

void rs_nl_attributes(const void *data, size_t length, const struct nlattr **table, uint32_t count)
{
    const uint8_t *at = data;

    memset(table, 0, count * sizeof *table);
    while (length >= RS_NLA_HEADER) {
        const struct nlattr *attribute = (const struct nlattr *)at;
        uint16_t type = (uint16_t)(attribute->nla_type & (unsigned)NLA_TYPE_MASK);
        size_t step = NLA_ALIGN(attribute->nla_len);

        if (attribute->nla_len < RS_NLA_HEADER || attribute->nla_len > length)
            return;
        if (type < count)
            table[type] = attribute;
        if (step >= length)
            return;
        at += step;
        length -= step;
    }
}
