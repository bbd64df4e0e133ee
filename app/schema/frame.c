#include <base/why.h>
#include <schema/frame.h>

pouch_err schema_frame_put(struct pl_buf *out, uint32_t id) {
    const char bytes[SCHEMA_FRAME_BYTES] = {0, (char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};
    return pl_buf_append(out, bytes, sizeof bytes);
}

pouch_err schema_frame_read(const void *framed, size_t n, uint32_t *id) {
    const uint8_t *at = framed;
    if (n < SCHEMA_FRAME_BYTES || at[0])
        return pl_fail(POUCH_E_INVALID_PAYLOAD,
                       "not in the wire format of schema registries: it begins with no zero byte "
                       "and a schema's id");
    *id = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
    return POUCH_OK;
}
