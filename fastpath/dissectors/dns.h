/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RS_DNS_H
#define RS_DNS_H

#include "dissect.h"

/* Remembers the addresses that an answer gives for the name asked for; p is the message, without TCP's length. */
void rs_dns_learn(struct rs_dissect *d, const uint8_t *p, uint32_t length);

#endif
