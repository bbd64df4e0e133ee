#include <stdlib.h>
#include <store/steady.h>

bool pl_steady_look(struct pl_steady *s, const struct pl_clock *c) {
    int64_t mono_us = pl_mono_us(c), offset_us = pl_wall_us(c) - mono_us;
    bool jumped = s->known && llabs(offset_us - s->offset_us) > (int64_t)PL_STEADY_TOLERANCE_MS * 1000;
    if (jumped) s->disbelief_us = mono_us + (int64_t)PL_STEADY_PROOF_MS * 1000;
    s->offset_us = offset_us;
    s->known = true;
    return mono_us >= s->disbelief_us;
}
