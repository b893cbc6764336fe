/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements of the maps host4 and host6 of "table inet rs_shape" by nfnetlink (linux/netfilter/nf_tables.h): key is the
 * address and the line's bits of the ct mark, data the class.
 */

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "bytes.h"
#include "nft_map.h"
#include "shape.h"

#define TABLE    "rs_shape"
#define BUFFER   65536u
#define CHUNK    256u
#define MAJOR    0x10000u
#define WAN_BITS 12u

static int is_v4(const struct rs_map_element *element)
{
    return rs_is_v4(element->address);
}

static void put_element(struct rs_nl *nl, const struct rs_map_element *element, int is_add)
{
    size_t skip = is_v4(element) ? 12 : 0;
    uint32_t mark = element->line << WAN_BITS, class = MAJOR | element->minor;
    uint8_t key[20];

    memcpy(key, element->address + skip, 16 - skip);
    memcpy(key + 16 - skip, &mark, sizeof mark);
    rs_nft_element(nl, key, 20 - skip, is_add ? &class : NULL);
}

static void hear_table(const struct nlmsghdr *message, void *context)
{
    const struct nlattr *attributes[NFTA_TABLE_MAX + 1];
    size_t head = sizeof(struct nfgenmsg);
    uint64_t handle_be;

    if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE) ||
        message->nlmsg_len < NLMSG_LENGTH(head))
        return;
    rs_nl_attributes((const uint8_t *)NLMSG_DATA(message) + head, message->nlmsg_len - NLMSG_LENGTH(head), attributes,
                     NFTA_TABLE_MAX + 1);
    if (attributes[NFTA_TABLE_HANDLE] && rs_nl_length(attributes[NFTA_TABLE_HANDLE]) == sizeof handle_be) {
        memcpy(&handle_be, rs_nl_value(attributes[NFTA_TABLE_HANDLE]), sizeof handle_be);
        *(uint64_t *)context = be64toh(handle_be);
    }
}

int rs_map_table(int fd, uint64_t *handle)
{
    _Alignas(4) uint8_t data[128];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};

    rs_nl_begin(&nl, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE, NLM_F_ACK, NFPROTO_INET, 0);
    rs_nl_put(&nl, NFTA_TABLE_NAME, TABLE, sizeof TABLE);
    return rs_nl_ask_all(fd, &nl, hear_table, handle);
}

int rs_map_flush(int fd)
{
    _Alignas(4) uint8_t data[512];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};

    rs_nft_begin(&nl);
    rs_nft_empty(&nl, TABLE, "host4");
    rs_nft_empty(&nl, TABLE, "host6");
    return rs_nft_commit(fd, &nl);
}

/* One transaction of elements of one family. */
static int change(int fd, const struct rs_map_element *elements, uint32_t count, int is_add)
{
    _Alignas(4) static uint8_t data[BUFFER];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};
    size_t set;

    rs_nft_begin(&nl);
    set = rs_nft_set(&nl, TABLE, is_v4(elements) ? "host4" : "host6", is_add);
    for (uint32_t i = 0; i < count; i++)
        put_element(&nl, &elements[i], is_add);
    rs_nft_end_set(&nl, set);
    return rs_nft_commit(fd, &nl);
}

int rs_map_change(int fd, const struct rs_map_element *elements, uint32_t count, int is_add)
{
    int result = 0;

    for (uint32_t first = 0, next; first < count; first = next) {
        int error;

        for (next = first + 1; next < count && next - first < CHUNK; next++)
            if (is_v4(&elements[next]) != is_v4(&elements[first]))
                break;
        error = change(fd, elements + first, next - first, is_add);
        result = result ? result : error;
    }
    return result;
}
