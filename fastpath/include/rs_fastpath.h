/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Public interface of the fastpath, read by C and, word for word, by cffi: no conditionals, no includes, no macros but #define NAME NUMBER.
 *
 * Units: time is milliseconds of a monotonic clock and always an argument; sizes are bytes; addresses are 16 bytes (IPv4 as ::ffff:a.b.c.d),
 * ports are host order. Results: 0 or positive is success, negative errno is failure. Ownership: the caller owns every buffer; the
 * library keeps pointers only to what *_init and *_open received. Threads: one thread per classifier; tables may be read by all.
 */

#define RS_ABI 4
#define RS_HOST_SIZE 96      /* longest host name kept, with its NUL */
#define RS_ERROR_SIZE 160    /* buffer for a message to a person */
#define RS_ID_SIZE 32        /* longest identifier, with its NUL */
#define RS_OPENING_SIZE 40   /* first bytes kept of each side of a flow that was not recognised at once */
#define RS_JA4_SIZE 37       /* fingerprint of a TLS client, with its NUL */

/* ---- application database (built by binding/appdb.py, fastpath/apps/) ---- */

typedef struct rs_apps rs_apps;

/* Checks and opens a compiled database; data stays the caller's and must live as long. -EINVAL with the reason in error, -ENOMEM. */
int rs_apps_open(const void *data, size_t length, rs_apps **out, char *error);
void rs_apps_close(rs_apps *apps);
uint32_t rs_apps_count(const rs_apps *apps);                       /* ids are 1..count; 0 is unknown */
uint32_t rs_apps_crc(const rs_apps *apps);                         /* CRC-32 of the ids, each with its NUL, in their order */
const char *rs_apps_id(const rs_apps *apps, uint16_t app);         /* "" for unknown */
const char *rs_apps_category(const rs_apps *apps, uint16_t app);
uint16_t rs_apps_find(const rs_apps *apps, const char *id);        /* 0 when there is none */
uint16_t rs_apps_match_host(const rs_apps *apps, const char *host, size_t length); /* longest suffix; 0 when none */

/* ---- classifier: decides what a flow is; no I/O, no allocation, no clock ---- */

typedef struct rs_classifier rs_classifier;

enum rs_state { RS_NEED_MORE = 0, RS_DECIDED = 1, RS_EXCLUDED = 2 };

/* Which stage decided. RS_STAGE_BEHAVIOUR is the worker's, not the classifier's: it needs to know the host. */
enum rs_stage { RS_STAGE_NONE = 0, RS_STAGE_LEARNED = 1, RS_STAGE_DISSECTOR = 2, RS_STAGE_PATTERN = 3, RS_STAGE_ADDRESS = 4, RS_STAGE_PORT = 5, RS_STAGE_NDPI = 6, RS_STAGE_BEHAVIOUR = 7 };

typedef struct rs_packet {
    const uint8_t *data;     /* from the IP header on */
    uint32_t length;         /* bytes readable at data */
    uint64_t now_ms;
    uint8_t mac[6];          /* source MAC where known */
    uint8_t has_mac;
    uint8_t is_undecided;    /* conntrack has no verdict on its connection: after a silence it is another one than before */
} rs_packet;

typedef struct rs_result {
    uint8_t state;           /* enum rs_state */
    uint8_t stage;           /* enum rs_stage */
    uint8_t from_client;     /* 1: the packet goes from the side that opened the flow, as far as can be told, to the other */
    uint8_t is_http_request; /* this packet holds the head of a plain HTTP request: a block page can answer it */
    uint8_t transport;       /* IP protocol number */
    uint16_t application;    /* 0 unknown */
    uint16_t protocol;       /* an application id too: tls, quic, http, dns, bittorrent ... */
    uint32_t packets;        /* of the flow so far, this one included */
    uint32_t flow;           /* its place in the table, 0..rs_classifier_capacity - 1: for the caller's own arrays */
    uint8_t is_new;          /* 1: the place was taken for this packet; what the caller kept for it is another flow's */
    uint8_t client[16];
    uint8_t server[16];
    uint16_t client_port;
    uint16_t server_port;
    uint32_t payload_offset; /* of the transport payload from data */
    uint32_t payload_length;
    char host[RS_HOST_SIZE]; /* "" where none was seen */
    char ja4[RS_JA4_SIZE];   /* of the ClientHello that this packet made whole; "" else */
} rs_result;

/* Bytes of caller's memory for a table of that many flows (rounded up to a power of two). */
size_t rs_classifier_size(uint32_t flows);
/* Lays the classifier out in zeroed memory, aligned to 64. -EINVAL, -ENOMEM when length is too small. */
int rs_classifier_init(void *memory, size_t length, uint32_t flows, uint32_t seed, rs_classifier **out);
uint32_t rs_classifier_capacity(const rs_classifier *c);
/* Flows keep their application by its id. The old database must live until this returns. */
void rs_classifier_set_apps(rs_classifier *c, const rs_apps *apps);
/* From now on both use the learned servers of `with` (a DNS answer and the flow after it may meet different threads). */
void rs_classifier_share(rs_classifier *c, rs_classifier *with);
/* Gives back what was not in the caller's memory. */
void rs_classifier_close(rs_classifier *c);
/* Turns the libndpi stage on (1) or off (0); -ENOTSUP where it was not built in. */
int rs_classifier_use_ndpi(rs_classifier *c, int on);
/* Whether the JA4 fingerprint of TLS clients is made (two SHA-256 a ClientHello); off unless asked for. */
void rs_classifier_use_ja4(rs_classifier *c, int on);
/* One packet. 0, or -EBADMSG when it is no IP packet that can be read, -EAGAIN for a later fragment. */
int rs_classifier_packet(rs_classifier *c, const rs_packet *packet, rs_result *result);

typedef struct rs_classifier_stats {
    uint64_t packets;            /* read as IP */
    uint64_t unreadable;         /* refused with -EBADMSG */
    uint64_t flows;              /* ever begun */
    uint64_t flows_evicted;      /* lost their place to a new one */
    uint64_t streams_evicted;    /* lost their reassembly buffer */
    uint64_t learned_evicted;    /* servers forgotten for want of room */
    uint64_t decided[7];         /* by enum rs_stage */
    uint64_t given_up;           /* nothing recognised them */
} rs_classifier_stats;

void rs_classifier_read_stats(const rs_classifier *c, rs_classifier_stats *stats);
/* The flow at a place, from this or another process that maps the memory (may be read while it is written): 1, 0 when the
 * place is free or changes, -EINVAL when there is no such place. Fills what a result has but for payload and direction. */
int rs_classifier_read_flow(const void *memory, size_t length, uint32_t flow, rs_result *result);

/* ---- policy table (built by binding/policy.py): who may use what; immutable but for one class cache per thread ---- */

#define RS_POLICY_VERSION 1
#define RS_APPS_MAX 4095       /* twelve bits of ct mark */
#define RS_GENERATIONS 64

typedef struct rs_policy rs_policy;

enum rs_action { RS_ALLOW = 0, RS_BLOCK = 1, RS_BLOCK_PAGE = 2 }; /* as in ct mark bits 20-23 */

typedef struct rs_decision {
    int32_t row;             /* of the policy that matched, -1 none */
    uint8_t action;          /* RS_ALLOW or RS_BLOCK */
    uint8_t is_certain;      /* 1: the same action whatever the application */
    uint8_t lane;            /* 1: goes first on a line */
} rs_decision;

/* Who a LAN host is: its address, the IPv4 address of the same machine (all zero unknown), its MAC (all zero unknown). */
typedef struct rs_identity {
    uint8_t address[16];
    uint8_t alias[16];
    uint8_t mac[6];
} rs_identity;

/* Checks and copies a table, and a table of lanes behind it (src/policy.h). threads: how many will ask at the same time. -EINVAL with the reason in error, -ENOMEM. */
int rs_policy_open(const void *data, size_t length, uint32_t threads, rs_policy **out, char *error);
void rs_policy_close(rs_policy *policy);
/* First row that matches; app above the table's count is asked as unknown. thread < threads of rs_policy_open. */
void rs_policy_decide(rs_policy *policy, uint32_t thread, const rs_identity *host, uint16_t app, rs_decision *out);
/* The groups the host is in, ascending; at most capacity are written. The number found. */
uint32_t rs_policy_groups(const rs_policy *policy, const rs_identity *host, uint32_t *groups, uint32_t capacity);
int rs_policy_is_local(const rs_policy *policy, const uint8_t *address); /* 1: inside the LANs' own networks */
uint32_t rs_policy_generation(const rs_policy *policy);
uint32_t rs_policy_apps_count(const rs_policy *policy);
uint32_t rs_policy_apps_crc(const rs_policy *policy);       /* CRC-32 of the ids, each with its NUL, that the table was built for */
const char *rs_policy_page_url(const rs_policy *policy);    /* "" when there is none */

/* ---- runtime: the file shared by rs-fastpath, which works, and rsd, which orders and reads (docs/design/fastpath-runtime.md) ---- */

#define RS_QUEUES_MAX 16

typedef struct rs_shm rs_shm;

enum rs_event_kind { RS_EVENT_DECIDED = 1, RS_EVENT_BLOCKED = 2 };

typedef struct rs_event {
    uint64_t time_ms;        /* CLOCK_MONOTONIC, as everywhere here */
    int32_t row;             /* of the policy, -1 none */
    uint8_t kind, action, stage, transport;
    uint16_t application, protocol, client_port, server_port;
    uint8_t client[16], server[16], mac[6];
    uint8_t is_rejudged;     /* 1: a live flow that a changed policy decided anew */
    char host[RS_HOST_SIZE];
} rs_event;

/* What one host did with one application over one WAN since the last drain; the unspecified address is the router itself. */
typedef struct rs_usage {
    uint8_t host[16], mac[6];
    uint8_t wan;
    uint16_t application;
    uint64_t up_bytes, down_bytes, up_packets, down_packets, connections, first_ms, last_ms;
} rs_usage;

typedef struct rs_host {
    uint8_t address[16], alias[16], mac[6];
    uint64_t first_ms, last_ms, up_bytes, down_bytes, connections; /* bytes: since first seen, never reset */
} rs_host;

typedef struct rs_live_flow {
    uint8_t client[16], server[16], host_address[16]; /* host_address: the LAN end */
    uint16_t client_port, server_port, application, protocol;
    uint8_t transport, stage, action, wan, is_decided;
    uint8_t confidence;      /* in per cent, of RS_STAGE_BEHAVIOUR; 0: the stage is sure */
    uint8_t opening_length[2], opening[2][RS_OPENING_SIZE]; /* first bytes, 0 the client's; kept where the flow was not recognised at once */
    uint64_t up_bytes, down_bytes, age_ms;
    char host[RS_HOST_SIZE], ja4[RS_JA4_SIZE];
} rs_live_flow;

/* What went over a line in the last minute or so, and what of it the kernel's flowtable carried past the rules. */
typedef struct rs_line_share {
    uint64_t bytes, fast_bytes, flows, fast_flows; /* flows: in the last dump of conntrack */
} rs_line_share;

typedef struct rs_stats {
    uint32_t pid, queues;    /* pid 0: no rs-fastpath is alive */
    uint64_t starts, heartbeat_ms, wanted_policy, loaded_policy, refused_policy, wanted_apps, loaded_apps, refused_apps;
    uint64_t packets, decided, blocked, rejudged, excluded, pages, batches, unreadable, queue_dropped, events_lost;
    uint64_t hosts, hosts_evicted, usage_lost, ledger_full, destroy_lost, dumps, dump_us, dump_flows, epoch;
    uint32_t generation;
} rs_stats;

/* Attaches to the file, or makes it; an old one of other geometry or ABI is replaced. queues 0: take it as it is.
 * -ENOENT (queues 0 and no usable file), -EBUSY (another geometry is in use), or what open, ftruncate and mmap say. */
int rs_shm_open(const char *path, uint32_t queues, uint32_t flows, rs_shm **out, char *error);
void rs_shm_close(rs_shm *shm);
int rs_shm_is_replaced(const rs_shm *shm);                 /* 1: the path names another file now; close and open again */
void rs_shm_stats(const rs_shm *shm, rs_stats *out);
/* Says that policy.bin (and apps.bin when with_apps) beside the file are new, and wakes rs-fastpath; 0 or -ESRCH: it will see at its start. */
int rs_shm_announce(rs_shm *shm, int with_apps);
/* Waits until what was announced is in force. -ETIMEDOUT, -EINVAL: refused, the reason in error. */
int rs_shm_wait_loaded(rs_shm *shm, int timeout_ms, char *error);
void rs_shm_set_interval(rs_shm *shm, uint32_t interval_ms); /* between conntrack dumps; 10000 unless set */
void rs_shm_line(const rs_shm *shm, uint32_t line, rs_line_share *out); /* 1..7; 0: what leaves by no line */
void rs_shm_set_delay(rs_shm *shm, uint32_t line, uint32_t delay_ms); /* of a line (1..7), for the shaper; 0: not known */
void rs_shm_want_sites(rs_shm *shm, int on); /* whether the servers of answered names are told to the kernel by site */
/* Takes up to capacity events; one reader at a time. The number taken. */
uint32_t rs_shm_events(rs_shm *shm, rs_event *out, uint32_t capacity);
void rs_shm_identity(const rs_shm *shm, const uint8_t *address, rs_identity *out); /* what is known of a host */
uint32_t rs_shm_hosts(const rs_shm *shm, rs_host *out, uint32_t capacity);
/* Freezes what was accounted so far and copies it. The same rows come again, under the same instance and epoch, until
 * rs_shm_drained(epoch). The number of rows; 0 none; -ETIMEDOUT: rs-fastpath does not answer; -ENOSPC: capacity is too small. */
int rs_shm_drain(rs_shm *shm, rs_usage *out, uint32_t capacity, int timeout_ms, uint64_t *instance, uint64_t *epoch);
void rs_shm_drained(rs_shm *shm, uint64_t epoch);
/* What was accounted since the last freeze, as it stands now, under the instance and epoch that a drain will give it: for live
 * rates, not for books. The number of rows, or -ENOSPC. */
int rs_shm_usage(const rs_shm *shm, rs_usage *out, uint32_t capacity, uint64_t *instance, uint64_t *epoch);
/* Which live flows are wanted. host NULL: of all; applications: a bit each of 4096, NULL: all; line -1: all. */
typedef struct rs_flow_filter {
    const uint8_t *host, *applications;
    int line;
} rs_flow_filter;

/* Live flows from conntrack, joined with what the flow tables know; of more than capacity the largest. Needs CAP_NET_ADMIN. */
int rs_shm_flows(rs_shm *shm, const rs_policy *policy, const rs_flow_filter *wanted, rs_live_flow *out, uint32_t capacity);
