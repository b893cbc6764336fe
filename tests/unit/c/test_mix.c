/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The product of four gives what the type of 128 bits gives: shared files and captures know no word size. */
#include <assert.h>

#include "mix.h"

int main(void)
{
    const uint64_t edges[] = {0, 1, UINT32_MAX, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 1};
    uint64_t a = 1, b = UINT64_MAX;

    for (unsigned i = 0; i < sizeof edges / sizeof edges[0]; i++)
        for (unsigned j = 0; j < sizeof edges / sizeof edges[0]; j++)
            assert(rs_mix_halves(edges[i], edges[j]) == rs_mix(edges[i], edges[j]));
    for (unsigned i = 0; i < 100000; i++) {
        a = a * UINT64_C(6364136223846793005) + 1442695040888963407;
        b = b * UINT64_C(2862933555777941757) + 3037000493;
        assert(rs_mix_halves(a, b) == rs_mix(a, b));
    }
    return 0;
}
