/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layout of the shared file and who writes what. One writer per datum, so nothing in it is locked:
 *
 *   rsd             wanted_*, acked_epoch, drain_wanted, interval_ms, line_delay_ms, wants_sites, ring tails
 *   main thread     heartbeat_ms, loaded_*, refused_*, error
 *   queue thread k  worker k, ring k's head, classifier k and its openings; host table (claimed slot by slot)
 *   rs-shape        clears bits of hosts' lines (shape_hosts.c)
 *   account thread  usage banks, active_epoch, ledger, journal, lines; bytes in the host table
 *
 * What is read by another process than its writer is no wider than 32 bits, or an rs_counter: numbers of 64 bits come in
 * halves on some machines. An _Atomic uint64_t or a plain one belongs to one process, or stands since the file was made;
 * of the ledger others take first_s, and a key in halves is no flow's.
 *
 * A section of zeros is valid: nothing needs a start value, and pages never touched take no memory. Reading a page of a
 * file in memory touches it, too: who goes through a whole section asks rs_shm_next where there is something.
 */
#ifndef RS_SHM_H
#define RS_SHM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "api.h"
#include "counter.h"
#include "opening.h"

#define RS_SHM_MAGIC   "RSFPSHM"
#define RS_USAGE_SLOTS 16384u /* per bank: hosts x applications x WANs between two drains */
#define RS_USAGE_INDEX (2 * RS_USAGE_SLOTS)
#define RS_LEDGER_WAYS 8u
#define RS_HOST_SLOTS  16384u
#define RS_HOST_PROBES 16u
#define RS_EVENT_SLOTS 2048u /* per queue */
#define RS_INTERVAL_MS 10000u

/* What a flow had when it was last accounted; key 0 is free. Set-associative: a slot is found within its bucket only. */
struct rs_ledger_slot {
    uint64_t key; /* conntrack id and a hash of the tuple */
    uint64_t up_bytes, down_bytes;
    uint32_t up_packets, down_packets, first_s;
    uint16_t round;      /* of the dump that saw it last */
    uint16_t is_counted; /* as a connection */
};

struct rs_usage_slot {
    uint8_t host[16];
    uint16_t application;
    uint8_t wan, reserved[5];
    uint64_t up_bytes, down_bytes, up_packets, down_packets, connections, first_ms, last_ms;
};

/* The same where rsd reads it. */
struct rs_usage_row {
    uint8_t host[16];
    uint16_t application;
    uint8_t wan, reserved[5];
    rs_counter up_bytes, down_bytes, up_packets, down_packets, connections, first_ms, last_ms;
};

/* Rows as they came, the header counts them; a row's number plus one stands where its hash says, or behind. */
struct rs_usage_bank {
    uint16_t index[RS_USAGE_INDEX];
    struct rs_usage_row rows[RS_USAGE_SLOTS];
};

/* The account thread's redo record: both slots as they shall be. Replayed at start when is_valid, so a kill between
 * the ledger's store and the bank's neither loses nor doubles. */
struct rs_journal {
    _Atomic uint32_t is_valid;
    uint32_t bank, count, usage_index, place, ledger_index; /* count: rows in the bank; an index UINT32_MAX: none */
    struct rs_usage_slot usage;
    struct rs_ledger_slot ledger;
};

/* version: 0 free, odd being written, even in use. Readers copy and compare the version. */
struct rs_host_slot {
    _Atomic uint32_t version;
    uint8_t address[16];
    rs_counter mac; /* 48 bits; 0 unknown */
    rs_counter first_ms, last_ms, up_bytes, down_bytes, connections;
    _Atomic uint64_t peers, peers_before, peers_minute; /* behaviour.c: networks of peers, by hash */
    _Atomic uint8_t lines; /* bit L: it was seen on line L; the shaper clears what it forgets */
};

/* The IPv4 address of a MAC: gives the machine's IPv6 addresses the same groups. */
struct rs_alias_slot {
    rs_counter mac, last_ms, changed_ms;
    _Atomic uint32_t address;   /* host order */
    _Atomic uint32_t is_shared; /* several addresses at once: a router behind us, no alias */
};

/* Of one line: bytes of the last rounds, each counting an eighth less than the next, and flows of the last one. */
struct rs_line_counters {
    rs_counter bytes, fast_bytes, flows, fast_flows;
};

struct rs_worker_shared {
    _Alignas(64) _Atomic uint32_t turn; /* odd: a batch is in work and holds the tables; even: quiescent */
    _Atomic uint32_t adopted;           /* numbering of the application database that the classifier uses */
    rs_counter heartbeat_ms, packets, decided, blocked, rejudged, excluded, pages, batches, unreadable;
};

struct rs_ring {
    _Alignas(64) _Atomic uint32_t head; /* counts on beyond the slots, as tail does */
    rs_counter lost;
    _Alignas(64) _Atomic uint32_t tail;
    rs_event slots[RS_EVENT_SLOTS];
};

struct rs_shm_header {
    char magic[8];
    uint32_t abi, layout, queues, flows, ledger_slots;
    uint64_t length, instance;
    uint64_t workers_at, rings_at, banks_at, ledger_at, hosts_at, aliases_at, classifiers_at, classifier_length;
    uint64_t openings_at, openings_count;  /* count: of one queue */
    _Alignas(64) _Atomic uint32_t changes; /* futex: bumped whenever a waiter may go on */
    _Atomic uint32_t generation, interval_ms;
    rs_counter starts, heartbeat_ms;
    rs_counter wanted_policy, wanted_apps, loaded_policy, loaded_apps, refused_policy, refused_apps;
    uint32_t apps_crc;              /* of the numbering that the marks follow */
    rs_counter foreign_generations; /* bit g: marks of generation g follow an older numbering */
    _Alignas(64) rs_counter active_epoch, acked_epoch,
        drain_wanted; /* bank is epoch & 1; frozen: active - 1, unless acked */
    _Atomic uint32_t usage_count[2];
    _Atomic uint32_t line_delay_ms[8];     /* by line, as rsd's probes found it; 0 not known */
    _Atomic uint32_t wants_sites;          /* lines are chosen by site: sites.h */
    _Atomic uint32_t host_changes;         /* of hosts' places and lines: the shaper looks when it has moved */
    _Atomic uint32_t hosts, hosts_evicted; /* counted by all queue threads */
    rs_counter usage_lost, ledger_full, destroy_lost, queue_dropped, dumps, dump_us, dump_flows;
    struct rs_line_counters lines[8];
    uint32_t round;
    struct rs_journal journal;
    char error[RS_ERROR_SIZE];
};

struct rs_shm {
    struct rs_shm_header *header;
    struct rs_worker_shared *workers;
    struct rs_ring *rings;
    struct rs_usage_bank *banks[2];
    struct rs_ledger_slot *ledger;
    struct rs_host_slot *hosts;
    struct rs_alias_slot *aliases;
    uint8_t *classifiers;
    struct rs_opening *openings; /* by queue and place in its flow table */
    size_t length;
    int fd;
    char path[4096];
};

int rs_shm_own(rs_shm *shm);         /* becomes the one rs-fastpath of this file; -EBUSY */
int rs_shm_owner(const rs_shm *shm); /* pid of the living rs-fastpath, 0 none */
int rs_shm_wake(const rs_shm *shm);  /* SIGHUP to a living rs-fastpath; -ESRCH */
void rs_shm_changed(rs_shm *shm);    /* wakes waiters */
int rs_shm_wait_change(rs_shm *shm, uint32_t seen, int timeout_ms);
void rs_shm_put_event(struct rs_ring *ring, const rs_event *event);
uint64_t rs_now_ms(void);
/* The first slot from `slot` on of an array in the file that may hold something; count when there is none. *stop is 0 before
 * the first call and belongs to the loop. */
uint32_t rs_shm_next(const rs_shm *shm, const void *array, size_t size, uint32_t count, uint32_t slot, uint32_t *stop);
void rs_shm_clear(rs_shm *shm, void *start, size_t length); /* to zeros; its pages take no memory any more */

/* ---- hosts.c ---- */

struct rs_host_slot *rs_host_find(const rs_shm *shm, const uint8_t *address);
/* Finds or makes the host's slot and notes its MAC (NULL: not known from this packet). NULL when its probes are all busy. */
struct rs_host_slot *rs_host_see(rs_shm *shm, const uint8_t *address, const uint8_t *mac, uint64_t now_ms);
/* The host was seen on a line (1..7). */
void rs_host_note_line(rs_shm *shm, struct rs_host_slot *slot, uint32_t line);
void rs_hosts_mend(rs_shm *shm); /* frees the slots that a killed thread was writing */

#endif
