/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the classifier's C tests and fuzz targets stand on: memory with an unreadable end, a classifier, one dissector, packets. */
#ifndef BENCH_H
#define BENCH_H

#include "classifier.h"
#include "sample.h"
#include "view.h"

#define GUARD_BYTES 65536u
#define PACKET_BYTES 65536u

/* A copy whose last byte is the last readable one; good until the next call. length at most GUARD_BYTES. */
uint8_t *guard_copy(const void *data, uint32_t length);

/* A classifier over memory of its own. apps may be NULL. */
rs_classifier *classifier_make(uint32_t flows, const rs_apps *apps);
/* As new: no flow, nothing learned, counters 0. */
void classifier_reset(rs_classifier *c);
void classifier_free(rs_classifier *c);

/* The database that RS_APPS names (build/apps.bin unless set); ends the program where there is none. */
rs_apps *apps_load(void);

/* One flow before one dissector, as the classifier would ask it. */
struct asking {
    const struct rs_row *row;
    struct rs_dissect d;
    struct rs_notes notes;
};

const struct rs_row *row_find(const char *name);
void asking_begin(struct asking *a, rs_classifier *c, const struct rs_row *row, uint16_t client_port, uint16_t port);
/* TCP: data is the stream from its start; UDP: one datagram. Shorter ones than the row's least are excluded unasked. */
enum rs_state asking_next(struct asking *a, const uint8_t *data, uint32_t length);

/* One packet of the flow 192.0.2.10 - 198.51.100.server (2001:db8::10 - 2001:db8::server for IPv6). */
struct parcel {
    const void *data;
    uint32_t length, sequence;
    uint16_t client_port, port;
    uint8_t is_v6, transport, is_from_server, flags, server;
};

uint32_t packet_write(uint8_t *out, const struct parcel *parcel);
/* Gives the packet, at the guard, to the classifier; what rs_classifier_packet says. */
int packet_give(rs_classifier *c, const struct parcel *parcel, uint32_t now_s, rs_result *result);

/* A ClientHello in one TLS record, extended by padding (RFC 7685) to at least that many bytes; its length. */
uint32_t hello_write(uint8_t *out, const char *host, uint32_t least);

/* A client's QUIC Initial: the frames sealed as RFC 9001 says. Its length. */
uint32_t quic_seal(uint8_t *out, uint32_t version, const uint8_t *id, uint32_t id_length, uint32_t number,
                   const uint8_t *frames, uint32_t length);
/* A CRYPTO frame; its length. */
uint32_t quic_crypto_frame(uint8_t *out, uint32_t offset, const uint8_t *data, uint32_t length);

#endif
