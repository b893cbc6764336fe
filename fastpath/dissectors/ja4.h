/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JA4 fingerprint of a TLS client: which program speaks, whatever the name it asks for. */
#ifndef RS_JA4_H
#define RS_JA4_H

#include "dissect.h"

/* Fills d->ja4, where the classifier wants it, from a whole ClientHello, type byte first; a hello that contradicts itself
 * gets none. */
void rs_ja4(struct rs_dissect *d, const uint8_t *hello, uint32_t length, int is_datagram);

#endif
