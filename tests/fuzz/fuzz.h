/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share; each row of rs_rows[] is a target too (target_rows.c). */
#ifndef FUZZ_H
#define FUZZ_H

#include "../unit/c/parts/bench.h"

struct target {
    const char *name;
    void (*run)(const uint8_t *data, size_t length);
    void (*seed)(void); /* writes the first inputs by seed_write; NULL: run.py makes them */
};

extern const struct target target_packet, target_flow, target_link, target_tls, target_quic, target_dns, target_apps,
    target_policy, target_conntrack, target_request, target_shape;

/* A row before hostile bytes. */
void row_run(const struct rs_row *row, const uint8_t *data, size_t length);
void row_seed(const struct rs_row *row);

/* The classifier of this process with the product's database, as new. */
rs_classifier *fuzz_classifier(void);
const rs_apps *fuzz_apps(void);
/* A copy of precisely that size, so that ASan sees one byte too far; the caller frees it. */
uint8_t *fuzz_copy(const uint8_t *data, size_t length);
/* The rules of rs_result and rs_dissect: terminated and clean host, known numbers. Aborts when one is broken. */
void fuzz_check_host(const char *host);
int fuzz_packet(rs_classifier *c, const uint8_t *data, size_t length, uint32_t now_s, rs_result *result);
/* Writes an input for the target that is being seeded. */
void seed_write(const void *data, size_t length);

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
