/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seals QUIC Initial packets as a client does: RFC 9000 17.2.2 and 19.6, RFC 9001 5.3 and 5.4. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "quic_crypto.h"

#define TAG 16

static uint32_t put_number(uint8_t *out, uint32_t value) /* RFC 9000 16, always in four bytes */
{
    out[0] = (uint8_t)(0x80 | value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
    return 4;
}

uint32_t quic_crypto_frame(uint8_t *out, uint32_t offset, const uint8_t *data, uint32_t length)
{
    uint32_t n = 1;

    out[0] = 6;
    n += put_number(out + n, offset);
    n += put_number(out + n, length);
    memcpy(out + n, data, length);
    return n + length;
}

static void encrypt(const struct rs_quic_keys *keys, uint32_t number, const uint8_t *header, uint32_t header_length,
                    const uint8_t *clear, uint32_t length, uint8_t *out)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t nonce[12];
    int n;

    memcpy(nonce, keys->iv, sizeof nonce);
    for (int i = 0; i < 4; i++)
        nonce[11 - i] ^= (uint8_t)(number >> 8 * i);
    if (context == NULL || !EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, keys->key, nonce) ||
        !EVP_EncryptUpdate(context, NULL, &n, header, (int)header_length) ||
        !EVP_EncryptUpdate(context, out, &n, clear, (int)length) || !EVP_EncryptFinal_ex(context, out + n, &n) ||
        !EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG, out + length))
        abort();
    EVP_CIPHER_CTX_free(context);
}

uint32_t quic_seal(uint8_t *out, uint32_t version, const uint8_t *id, uint32_t id_length, uint32_t number,
                   const uint8_t *frames, uint32_t length)
{
    static struct rs_quic_crypto *crypto;
    struct rs_quic_keys keys;
    uint8_t mask[16];
    uint32_t n = 0, at;

    if ((crypto == NULL && rs_quic_crypto_open(&crypto) < 0) || rs_quic_client_keys(crypto, version, id, id_length, &keys) < 0)
        abort();
    out[n++] = (uint8_t)((rs_quic_version_is_2(version) ? 0xd0 : 0xc0) | 3); /* packet number of four bytes */
    for (int shift = 24; shift >= 0; shift -= 8)
        out[n++] = (uint8_t)(version >> shift);
    out[n++] = (uint8_t)id_length;
    memcpy(out + n, id, id_length);
    n += id_length;
    out[n++] = 0; /* source connection id */
    out[n++] = 0; /* token */
    n += put_number(out + n, 4 + length + TAG);
    at = n;
    for (int shift = 24; shift >= 0; shift -= 8)
        out[n++] = (uint8_t)(number >> shift);
    encrypt(&keys, number, out, n, frames, length, out + n);
    rs_quic_mask(crypto, &keys, out + at + 4, mask);
    out[0] ^= mask[0] & 0x0f;
    for (int i = 0; i < 4; i++)
        out[at + (uint32_t)i] ^= mask[1 + i];
    return n + length + TAG;
}
