/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of TLS that QUIC and DTLS read too. */
#ifndef RS_TLS_H
#define RS_TLS_H

#include "dissect.h"

#define RS_STREAM_HELLO 8192u /* longest handshake that is put together */

struct rs_tls_hello {
    char alpn[24]; /* first protocol offered */
};

/* A ClientHello from its type byte on, have bytes of it are there. Host goes to d->host. */
enum rs_state rs_tls_client_hello(struct rs_dissect *d, struct rs_tls_hello *hello, const uint8_t *p, uint32_t have,
                                  uint32_t has_cookie);
/* The application that the hello tells by itself. */
void rs_tls_application(struct rs_dissect *d, const struct rs_tls_hello *hello);
/* A Certificate message without its header: takes the host of the first certificate. */
enum rs_state rs_tls_certificate(struct rs_dissect *d, const uint8_t *p, uint32_t have, uint32_t whole);

#endif
