/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a dissector is given and what it answers.
 *
 * TCP: data is the direction's bytes from their start as far as they are there without a gap, so a dissector keeps no
 * state: it is asked again with more. UDP: data is one datagram. A dissector answers
 *   RS_DECIDED   protocol (and application or host where it saw them) are set
 *   RS_EXCLUDED  it is not this; the dissector is not asked again for this flow
 *   RS_NEED_MORE nothing speaks against it yet; with protocol set: the protocol is sure, only the rest is open
 * Nothing may be read beyond data[length - 1]; length is at least 1.
 */
#ifndef RS_DISSECT_H
#define RS_DISSECT_H

#include <stdint.h>

#include "../src/api.h"
#include "../src/bytes.h"
#include "../src/flow.h"
#include "protocols.h"

struct rs_dissect {
    const uint8_t *data;
    uint32_t length;
    const uint8_t *client, *server; /* addresses */
    uint16_t client_port, server_port;
    uint8_t transport, from_client;
    uint8_t index;  /* packets with payload seen in this direction before this one */
    uint8_t others; /* the same of the other direction */
    uint32_t now_s;
    struct rs_notes *notes;
    struct rs_classifier *classifier; /* for QUIC's reassembly and the learned servers */
    struct rs_flow *flow;
    /* answer */
    enum rs_protocol protocol, application; /* RS_P_UNKNOWN: not said */
    uint8_t is_front;                       /* 1: host is only the outer name of an encrypted ClientHello */
    char host[RS_HOST_SIZE], ja4[RS_JA4_SIZE];
};

typedef enum rs_state rs_dissector(struct rs_dissect *d);

#define RS_ROW_PORTS 3

enum rs_row_flags { RS_ROW_TCP = 1, RS_ROW_UDP = 2, RS_ROW_CLIENT = 4, RS_ROW_SERVER = 8, RS_ROW_BOTH = 12 };

struct rs_row {
    const char *name;
    rs_dissector *ask;
    uint8_t flags;
    uint8_t least; /* UDP: shortest datagram that can be it */
    /* Where these are given, data that begins otherwise or runs between other ports is excluded unasked. */
    uint8_t first_low, first_high, first_count; /* the first byte lies between, or is one of first[] */
    const char *first;
    struct {
        uint16_t low, high;
    } ports[RS_ROW_PORTS]; /* one of the two ports lies in one of these */
};

extern const struct rs_row rs_rows[];
extern const uint32_t rs_rows_count;

static inline enum rs_state rs_is(struct rs_dissect *d, enum rs_protocol protocol)
{
    d->protocol = protocol;
    return RS_DECIDED;
}

static inline enum rs_state rs_is_app(struct rs_dissect *d, enum rs_protocol protocol, enum rs_protocol application)
{
    d->protocol = protocol;
    d->application = application;
    return RS_DECIDED;
}

/* Does data have the bytes at the offset? RS_NEED_MORE when it is too short to tell. */
enum rs_state rs_starts_at(const struct rs_dissect *d, uint32_t offset, const void *bytes, uint32_t length);
/* Does data start with the text? Nearly always the first byte says no. */
static inline enum rs_state rs_starts(const struct rs_dissect *d, const char *text)
{
    return d->data[0] != (uint8_t)text[0] ? RS_EXCLUDED : rs_starts_at(d, 0, text, (uint32_t)strlen(text));
}
/* Does the text stand anywhere in data[from, to)? */
int rs_contains(const struct rs_dissect *d, uint32_t from, uint32_t to, const char *text);
/* One of the two ports. */
int rs_has_port(const struct rs_dissect *d, uint16_t port);
int rs_has_port_in(const struct rs_dissect *d, uint16_t low, uint16_t high);
/* Keeps a host name if it is one (letters, digits, '-', '_', '.', ':' and brackets), without port; 0 when it is not. */
int rs_take_host(struct rs_dissect *d, const uint8_t *text, uint32_t length);
/* Counts packets of the flow that carry the same weak sign; decided when enough have agreed. */
enum rs_state rs_agree(struct rs_dissect *d, enum rs_protocol protocol, uint8_t enough);

#endif
