/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each dissector must recognise: for every row of rs_rows[] a first payload, written after the RFC or specification.
 * The C tests ask them, tests/fuzz begins from them.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdint.h>

#include "protocols.h"

#define SAMPLE_BYTES  2048u
#define CLIENT_PORT   40000
#define BYTES(text)   .bytes = (text), .length = sizeof(text) - 1
#define THEN(at, text) .then_at = (at), .then = (text), .then_length = sizeof(text) - 1

struct sample {
    const char *row;
    uint16_t port; /* the server's */
    enum rs_protocol protocol;
    const char *bytes;
    uint32_t length, pad; /* pad: whole length, zeros behind the bytes; 0: just the bytes */
    const char *then;     /* more bytes further behind */
    uint32_t then_at, then_length;
    uint16_t client_port; /* 0: CLIENT_PORT */
    uint8_t is_from_server;
    uint8_t others;      /* payloads of the other side that must have come before */
    uint8_t times;       /* the same datagram so often until weak signs suffice; 0: once */
    uint8_t is_measured; /* TCP: the length of the segment is a part of the sign, so no cut can be recognised */
    enum rs_protocol application;
    const char *host;
};

extern const struct sample samples_web[], samples_talk[], samples_lan[], samples_work[], samples_data[], samples_machines[],
    samples_young[];

/* The sample by its number over all families; NULL behind the last. */
const struct sample *sample_at(uint32_t number);
/* Writes the payload into out[SAMPLE_BYTES]; its length. */
uint32_t sample_fill(const struct sample *sample, uint8_t *out);

#endif
