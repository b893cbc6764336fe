/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RS_HTTP_H
#define RS_HTTP_H

#include "dissect.h"

/* 1 when the bytes begin with a method that a block page can answer. */
int rs_http_is_request(const uint8_t *p, uint32_t length);

#endif
