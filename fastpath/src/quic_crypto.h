/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and decryption of QUIC Initial packets (RFC 9001, RFC 9369 and the drafts before them). */
#ifndef RS_QUIC_CRYPTO_H
#define RS_QUIC_CRYPTO_H

#include <stdint.h>

#define RS_QUIC_ID_MAX 20u /* a connection id of version 1; longer ones of later versions are not known here */

struct rs_quic_crypto;

struct rs_quic_keys {
    uint8_t key[16], iv[12], mask_key[16];
};

/* Makes the contexts that later calls reuse, so that no packet allocates. -ENOMEM. */
int rs_quic_crypto_open(struct rs_quic_crypto **out);
void rs_quic_crypto_close(struct rs_quic_crypto *q);
/* Whether a version encrypts its Initial packets in a way known here. */
int rs_quic_version_known(uint32_t version);
int rs_quic_version_is_2(uint32_t version);
/* The client's Initial keys. 0, or -ENOTSUP. */
int rs_quic_client_keys(struct rs_quic_crypto *q, uint32_t version, const uint8_t *id, uint32_t id_length,
                        struct rs_quic_keys *keys);
/* AES-ECB of the sample: the header protection mask. */
int rs_quic_mask(struct rs_quic_crypto *q, const struct rs_quic_keys *keys, const uint8_t sample[16], uint8_t mask[16]);
/* Decrypts and authenticates; out has room for length - 16. The length of the clear text, or -EBADMSG. */
int rs_quic_decrypt(struct rs_quic_crypto *q, const struct rs_quic_keys *keys, uint32_t number, const uint8_t *header,
                    uint32_t header_length, const uint8_t *data, uint32_t length, uint8_t *out);
void rs_sha256(const uint8_t *data, uint32_t length, uint8_t out[32]);

#endif
