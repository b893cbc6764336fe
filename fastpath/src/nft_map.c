/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "nft_map.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>
#include <sys/socket.h>

static void batch(struct rs_nl *nl, uint16_t type)
{
    struct nfgenmsg head = {.nfgen_family = AF_UNSPEC, .res_id = htons(NFNL_SUBSYS_NFTABLES)};

    rs_nl_begin_with(nl, type, 0, &head, sizeof head);
    nl->messages--; /* has no answer */
}

static void put_value(struct rs_nl *nl, uint16_t type, const void *value, size_t length)
{
    size_t nest = rs_nl_nest(nl, type);

    rs_nl_put(nl, NFTA_DATA_VALUE, value, length);
    rs_nl_end(nl, nest);
}

void rs_nft_begin(struct rs_nl *nl)
{
    batch(nl, NFNL_MSG_BATCH_BEGIN);
}

static void begin_set(struct rs_nl *nl, const char *table, const char *set, int is_add)
{
    rs_nl_begin(nl, NFNL_SUBSYS_NFTABLES, is_add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
                (uint16_t)(NLM_F_ACK | (is_add ? NLM_F_CREATE : 0)), NFPROTO_INET, 0);
    rs_nl_put(nl, NFTA_SET_ELEM_LIST_TABLE, table, strlen(table) + 1);
    rs_nl_put(nl, NFTA_SET_ELEM_LIST_SET, set, strlen(set) + 1);
}

size_t rs_nft_set(struct rs_nl *nl, const char *table, const char *set, int is_add)
{
    begin_set(nl, table, set, is_add);
    return rs_nl_nest(nl, NFTA_SET_ELEM_LIST_ELEMENTS);
}

void rs_nft_empty(struct rs_nl *nl, const char *table, const char *set)
{
    begin_set(nl, table, set, 0);
}

void rs_nft_element(struct rs_nl *nl, const void *key, size_t length, const uint32_t *value)
{
    size_t nest = rs_nl_nest(nl, NFTA_LIST_ELEM);

    put_value(nl, NFTA_SET_ELEM_KEY, key, length);
    if (value)
        put_value(nl, NFTA_SET_ELEM_DATA, value, sizeof *value);
    rs_nl_end(nl, nest);
}

void rs_nft_end_set(struct rs_nl *nl, size_t set)
{
    rs_nl_end(nl, set);
}

int rs_nft_commit(int fd, struct rs_nl *nl)
{
    batch(nl, NFNL_MSG_BATCH_END);
    return rs_nl_ask_all(fd, nl, NULL, NULL);
}
