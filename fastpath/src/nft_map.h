/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Elements of nft's maps by nfnetlink (linux/netfilter/nf_tables.h), one transaction a buffer: nft itself would take 10 ms
 * and 4 MB each time. Keys and data are as the kernel's registers have them.
 */
#ifndef RS_NFT_MAP_H
#define RS_NFT_MAP_H

#include "netlink.h"

/* A transaction of changes to sets of one table of family inet, until rs_nft_commit. */
void rs_nft_begin(struct rs_nl *nl);
void rs_nft_empty(struct rs_nl *nl, const char *table, const char *set);
/* The following elements are added to that set, or deleted from it, until rs_nft_end_set(nl, what this gave). */
size_t rs_nft_set(struct rs_nl *nl, const char *table, const char *set, int is_add);
void rs_nft_element(struct rs_nl *nl, const void *key, size_t length, const uint32_t *value); /* value NULL: none */
void rs_nft_end_set(struct rs_nl *nl, size_t set);
/* All or nothing; -ENOENT without such a set, -EEXIST: a key is there with another value. */
int rs_nft_commit(int fd, struct rs_nl *nl);

#endif
