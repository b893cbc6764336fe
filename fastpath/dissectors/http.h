/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RS_HTTP_H
#define RS_HTTP_H

#include "dissect.h"

/* Value of a header field in the head that data begins with; 0 when it is not there or not whole. */
int rs_http_header(const struct rs_dissect *d, const char *name, const uint8_t **value, uint32_t *length);

/* 1 when the bytes begin with a method that a block page can answer. */
int rs_http_is_request(const uint8_t *p, uint32_t length);

#endif
