/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QUIC Initial protection by libcrypto. HKDF (RFC 5869) is written out over SHA-256's own functions: EVP costs more than
 * the hash of so short texts, and these contexts are plain structures, so that a key which serves several times (a salt,
 * the client's secret) is hashed once. The ciphers are fetched once, as a context per packet would allocate. Salts: RFC
 * 9001 5.2, RFC 9369 3.3.1, drafts 22-32 section 5.2, Google's QUIC crypto_utils for Q050 and T050/T051.
 */

#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_* */

#include "quic_crypto.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define HASH  32u
#define BLOCK 64u
#define TAG   16u
#define SALT  20u

/* HMAC (RFC 2104) whose key is hashed already. */
struct hmac {
    SHA256_CTX inner, outer;
};

struct rs_quic_crypto {
    EVP_CIPHER *ecb, *gcm;
    EVP_CIPHER_CTX *mask, *open;
    const uint8_t *salt; /* of `salted`, NULL none yet: nearly all clients speak one version */
    struct hmac salted;
    struct rs_quic_keys last; /* a hello over several datagrams asks for the same keys again */
    uint8_t last_id[RS_QUIC_ID_MAX];
    uint32_t last_length, last_version; /* version 0: none yet */
};

static const uint8_t salt_v1[SALT] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                      0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
static const uint8_t salt_v2[SALT] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                                      0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
static const uint8_t salt_29[SALT] = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                                      0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};
static const uint8_t salt_23[SALT] = {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
                                      0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02};
static const uint8_t salt_22[SALT] = {0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a,
                                      0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a};
static const uint8_t salt_q050[SALT] = {0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94,
                                        0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b, 0x45};
static const uint8_t salt_t050[SALT] = {0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80,
                                        0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83, 0x10};
static const uint8_t salt_t051[SALT] = {0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50,
                                        0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d};

static const uint8_t *salt_of(uint32_t version)
{
    uint32_t draft = version & 0xff;

    switch (version) {
    case 0x00000001:
        return salt_v1;
    case 0x6b3343cf:
        return salt_v2;
    case 0x51303530: /* Q050 */
        return salt_q050;
    case 0x54303530: /* T050 */
        return salt_t050;
    case 0x54303531: /* T051 */
        return salt_t051;
    case 0xfaceb001: /* mvfst: Facebook's numbers for drafts 22, 27 and 29 */
        return salt_22;
    case 0xfaceb002:
        return salt_23;
    case 0xfaceb00d:
    case 0xfaceb00e:
    case 0xfaceb00f:
    case 0xfaceb010:
    case 0xfaceb011:
    case 0xfaceb012:
    case 0xfaceb013:
        return salt_29;
    default:
        break;
    }
    if (version >> 8 != 0xff0000)
        return NULL;
    return draft >= 33 && draft <= 34 ? salt_v1
           : draft >= 29              ? salt_29
           : draft >= 23              ? salt_23
           : draft >= 21              ? salt_22
                                      : NULL;
}

int rs_quic_version_known(uint32_t version)
{
    return salt_of(version) != NULL;
}

int rs_quic_version_is_2(uint32_t version)
{
    return version == 0x6b3343cf;
}

int rs_quic_crypto_open(struct rs_quic_crypto **out)
{
    struct rs_quic_crypto *q = calloc(1, sizeof *q);

    *out = q;
    if (q == NULL)
        return -ENOMEM;
    q->ecb = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
    q->gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    q->mask = EVP_CIPHER_CTX_new();
    q->open = EVP_CIPHER_CTX_new();
    if (q->ecb != NULL && q->gcm != NULL && q->mask != NULL && q->open != NULL &&
        EVP_EncryptInit_ex(q->mask, q->ecb, NULL, NULL, NULL) && EVP_DecryptInit_ex(q->open, q->gcm, NULL, NULL, NULL))
        return 0;
    rs_quic_crypto_close(q);
    *out = NULL;
    return -ENOMEM;
}

void rs_quic_crypto_close(struct rs_quic_crypto *q)
{
    if (q == NULL)
        return;
    EVP_CIPHER_CTX_free(q->open);
    EVP_CIPHER_CTX_free(q->mask);
    EVP_CIPHER_free(q->gcm);
    EVP_CIPHER_free(q->ecb);
    free(q);
}

void rs_sha256(const uint8_t *data, uint32_t length, uint8_t out[HASH])
{
    SHA256_CTX context;

    SHA256_Init(&context);
    SHA256_Update(&context, data, length);
    SHA256_Final(out, &context);
}

/* Key of at most one block. */
static void set_key(struct hmac *h, const uint8_t *key, size_t length)
{
    uint8_t inner[BLOCK], outer[BLOCK];

    memset(inner, 0x36, sizeof inner);
    memset(outer, 0x5c, sizeof outer);
    for (size_t i = 0; i < length; i++) {
        inner[i] ^= key[i];
        outer[i] ^= key[i];
    }
    SHA256_Init(&h->inner);
    SHA256_Update(&h->inner, inner, sizeof inner);
    SHA256_Init(&h->outer);
    SHA256_Update(&h->outer, outer, sizeof outer);
}

static void sign(const struct hmac *h, const uint8_t *data, size_t length, uint8_t out[HASH])
{
    SHA256_CTX inner = h->inner, outer = h->outer;
    uint8_t middle[HASH];

    SHA256_Update(&inner, data, length);
    SHA256_Final(middle, &inner);
    SHA256_Update(&outer, middle, sizeof middle);
    SHA256_Final(out, &outer);
}

/* HKDF-Expand-Label of RFC 8446 7.1, without context, for at most one hash. */
static void expand(const struct hmac *secret, const char *label, uint8_t *out, uint8_t length)
{
    uint8_t info[32], block[HASH];
    size_t n = strlen(label);

    info[0] = 0;
    info[1] = length;
    info[2] = (uint8_t)(6 + n);
    memcpy(info + 3, "tls13 ", 6);
    memcpy(info + 9, label, n);
    info[9 + n] = 0;
    info[10 + n] = 1;
    sign(secret, info, 11 + n, block);
    memcpy(out, block, length);
}

int rs_quic_client_keys(struct rs_quic_crypto *q, uint32_t version, const uint8_t *id, uint32_t id_length,
                        struct rs_quic_keys *keys)
{
    const uint8_t *salt = salt_of(version);
    int is_2 = rs_quic_version_is_2(version);
    uint8_t initial[HASH], client[HASH];
    struct hmac secret;

    if (salt == NULL || id_length > RS_QUIC_ID_MAX)
        return -ENOTSUP;
    if (q->last_version == version && q->last_length == id_length && memcmp(q->last_id, id, id_length) == 0) {
        *keys = q->last;
        return 0;
    }
    if (q->salt != salt) {
        set_key(&q->salted, salt, SALT);
        q->salt = salt;
    }
    sign(&q->salted, id, id_length, initial);
    set_key(&secret, initial, sizeof initial);
    expand(&secret, "client in", client, sizeof client);
    set_key(&secret, client, sizeof client);
    expand(&secret, is_2 ? "quicv2 key" : "quic key", keys->key, sizeof keys->key);
    expand(&secret, is_2 ? "quicv2 iv" : "quic iv", keys->iv, sizeof keys->iv);
    expand(&secret, is_2 ? "quicv2 hp" : "quic hp", keys->mask_key, sizeof keys->mask_key);
    q->last = *keys;
    memcpy(q->last_id, id, id_length);
    q->last_length = id_length;
    q->last_version = version;
    return 0;
}

int rs_quic_mask(struct rs_quic_crypto *q, const struct rs_quic_keys *keys, const uint8_t sample[16], uint8_t mask[16])
{
    int n = 0;

    if (!EVP_EncryptInit_ex(q->mask, NULL, NULL, keys->mask_key, NULL) ||
        !EVP_EncryptUpdate(q->mask, mask, &n, sample, 16) || n != 16)
        return -EBADMSG;
    return 0;
}

int rs_quic_decrypt(struct rs_quic_crypto *q, const struct rs_quic_keys *keys, uint32_t number, const uint8_t *header,
                    uint32_t header_length, const uint8_t *data, uint32_t length, uint8_t *out)
{
    uint8_t nonce[12], tag[TAG];
    int n = 0, rest = 0;

    if (length < TAG)
        return -EBADMSG;
    memcpy(nonce, keys->iv, sizeof nonce);
    for (int i = 0; i < 4; i++)
        nonce[11 - i] ^= (uint8_t)(number >> 8 * i);
    memcpy(tag, data + length - TAG, TAG);
    if (!EVP_DecryptInit_ex(q->open, NULL, NULL, keys->key, nonce) ||
        !EVP_DecryptUpdate(q->open, NULL, &n, header, (int)header_length) ||
        !EVP_DecryptUpdate(q->open, out, &n, data, (int)(length - TAG)) ||
        !EVP_CIPHER_CTX_ctrl(q->open, EVP_CTRL_AEAD_SET_TAG, TAG, tag) || !EVP_DecryptFinal_ex(q->open, out + n, &rest))
        return -EBADMSG;
    return n;
}
