/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sample.h"

#include <stddef.h>
#include <string.h>

static const struct sample *const families[] = {samples_web,  samples_talk, samples_lan,
                                                samples_work, samples_data, samples_machines,
                                                samples_young};

const struct sample *sample_at(uint32_t number)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (const struct sample *s = families[i]; s->row != NULL; s++)
            if (number-- == 0)
                return s;
    return NULL;
}

uint32_t sample_fill(const struct sample *sample, uint8_t *out)
{
    uint32_t length = sample->length > sample->pad ? sample->length : sample->pad;

    if (sample->then_at + sample->then_length > length)
        length = sample->then_at + sample->then_length;
    memset(out, 0, length);
    memcpy(out, sample->bytes, sample->length);
    if (sample->then != NULL)
        memcpy(out + sample->then_at, sample->then, sample->then_length);
    return length;
}
