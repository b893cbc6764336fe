/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accounting: what conntrack counted since it was last looked at, added to who used what.
 *
 * Conntrack's counters are never zeroed (IPCTNL_MSG_CT_GET_CTRZERO): that would also restart "ct packets <= N" in the
 * first_packets chain, would lose what was zeroed but not yet added when killed, and would hide a flow's total from
 * everybody else. Instead the ledger in the shared file remembers what each flow had, and the difference is added.
 * A flow without room in the ledger is accounted once, whole, when it ends.
 *
 * One thread accounts. Bank epoch & 1 is being filled; the other one is frozen from a flip until the reader has
 * acknowledged its epoch. Every addition first stands in the journal, so a kill at any store is repaired at the start.
 */
#ifndef RS_ACCOUNT_H
#define RS_ACCOUNT_H

#include "conntrack.h"
#include "shm.h"

/* Repairs what a killed thread left half done; call once before anything else. */
void rs_account_recover(rs_shm *shm);
/* Adds what the entry got since last time; is_end: it is being destroyed, its ledger slot becomes free. */
void rs_account_add(rs_shm *shm, const rs_policy *policy, const struct rs_ct *ct, int is_end, uint64_t now_ms);
/* A dump begins: entries seen until the next call belong to this round. */
void rs_account_begin_round(rs_shm *shm);
/* Frees the slots of flows that neither the finished round nor the one before saw: their end was missed. */
void rs_account_end_round(rs_shm *shm);
/* Freezes the bank when the reader wants it and has acknowledged the one before. 1: flipped. */
int rs_account_flip(rs_shm *shm);

/* What is known of a flow by rs_ct_key; NULL nothing. */
const struct rs_ledger_slot *rs_ledger_find(rs_shm *shm, uint64_t key);

/* ---- account_thread.c ---- */

struct rs_tables_box;

/* Runs until *stop; wake_fd (an eventfd) becomes readable when the header has something new. Negative errno: cannot start. */
int rs_account_run(rs_shm *shm, struct rs_tables_box *tables, int wake_fd, const _Atomic int *stop);

#endif
