/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a classifier is made of; shared by its files, the QUIC and DNS dissectors and the tests. */
#ifndef RS_CLASSIFIER_H
#define RS_CLASSIFIER_H

#include "../dissectors/dissect.h"
#include "apps.h"
#include "flow.h"
#include "learned.h"
#include "stream.h"

#define RS_CLASSIFIER_MAGIC 0x52534331u
#define RS_PAYLOADS_TCP     10 /* packets with payload after which the own stages give up */
#define RS_PAYLOADS_UDP     8
#define RS_PAYLOADS_NDPI    16 /* likewise for libndpi */

struct rs_quic_crypto;
struct rs_ndpi;
struct rs_sites;

#define RS_PORT_CLASSES 256u /* of ports whose last eight bits are the same */

/* Which dissectors can have something to say; a bit a row of the table. */
struct rs_index {
    uint64_t side[2][RS_MASK_WORDS]; /* by direction (0 from the client) */
    uint64_t first[256][RS_MASK_WORDS];
    uint64_t port[RS_PORT_CLASSES][RS_MASK_WORDS];
};

struct rs_classifier {
    uint32_t magic, capacity;
    uint64_t index_at, flows_at, streams_at, learned_at, end; /* from the start of the memory */
    struct rs_flow_table table;
    struct rs_stream_pool pool;
    struct rs_learned *learned, *own_learned;
    const struct rs_apps *apps;
    uint16_t numbers[RS_P_COUNT];                /* of the protocols in the database; 0 when it lacks one */
    uint64_t protocols[(RS_APPS_MAX + 64) / 64]; /* bit: this number is one of them */
    struct rs_index tcp, udp;
    struct rs_quic_crypto *quic;
    uint32_t wants_ja4;
    struct rs_ndpi *ndpi;
    struct rs_sites *sites; /* NULL: nobody asks for them */
    rs_classifier_stats stats;
};

/* What is known about one packet while it is looked at. */
struct rs_look {
    const rs_packet *packet;
    struct rs_view view;
    struct rs_flow *flow;
    uint32_t flow_number, now_s;
    uint8_t from_client, source_is_high;
    struct rs_dissect d;
};

/* decide.c: settles what the flow is. */
void rs_decide_first(struct rs_classifier *c, struct rs_look *look); /* before any payload */
void rs_decide(struct rs_classifier *c, struct rs_look *look, enum rs_stage stage, uint16_t protocol,
               uint16_t application);
void rs_decide_dissected(struct rs_classifier *c, struct rs_look *look);
void rs_decide_partial(struct rs_classifier *c, struct rs_look *look, uint32_t row);
void rs_give_up(struct rs_classifier *c, struct rs_look *look);
void rs_drop_buffers(struct rs_classifier *c, struct rs_flow *flow, uint32_t flow_number);
void rs_flow_result(const struct rs_flow *flow, rs_result *result);

/* The places of flows in a classifier's memory, for who skips those never used; NULL: it is none. */
const struct rs_flow *rs_classifier_flows(const void *memory, size_t length, uint32_t *count);

/* Where answers to questions for names put the sites of their addresses; NULL: nowhere. */
void rs_classifier_use_sites(struct rs_classifier *c, struct rs_sites *sites);

/* For dissectors. */
void rs_classifier_learn(struct rs_classifier *c, const uint8_t client[16], const uint8_t server[16], uint16_t app,
                         uint32_t now_s, uint32_t ttl_s);
uint16_t rs_classifier_host_app(const struct rs_classifier *c, const char *host, uint32_t length);

/* ndpi.c, or ndpi_none.c where the library is not there. */
int rs_ndpi_open(struct rs_ndpi **out);
void rs_ndpi_close(struct rs_ndpi *n);
void rs_ndpi_set_apps(struct rs_ndpi *n, const struct rs_apps *apps);
/* One packet of an undecided flow; 1 and both numbers when it knows. */
int rs_ndpi_ask(struct rs_ndpi *n, struct rs_look *look, uint16_t *protocol, uint16_t *application);
void rs_ndpi_forget(struct rs_ndpi *n, struct rs_flow *flow, uint32_t flow_number);

#endif
